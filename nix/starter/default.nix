# The starter set: Nix packages made of Debian packages, for machines that have apt but no Nix binary cache.
#
#   lock.json   which Debian packages exist and how they are merged; worker/starter-set.ts writes it
#   debs.nix    a Debian package as a fixed output; download.sh fetches one that is missing
#   build.sh    Debian packages -> one store path whose programs need nothing outside the store
#   host        where the packages are of another architecture: the same set for the machine itself
#
# A Debian library is a derivation of its own, named by its Debian package ("debian/libssl3"), so that
# images share it. What has an attribute here may be made of several Debian packages.
{ system ? builtins.currentSystem, ... }:

let
  lock = builtins.fromJSON (builtins.readFile ./lock.json);
  debs = import ./debs.nix { inherit lock; };

  # What a package may refer to: all that its Debian packages depend on. It will only refer to what it names.
  reachable = unit:
    map (node: node.key) (builtins.genericClosure {
      startSet = map (key: { inherit key; }) unit.needs;
      operator = node: map (key: { inherit key; }) lock.units.${node.key}.needs;
    });

  lines = builtins.concatStringsSep "\n";
  pairs = set: lines (map (name: "${name}=${set.${name}}") (builtins.attrNames set));

  build = key: unit:
    let
      drv = derivation {
        name = "${unit.pname}-${unit.version}";
        inherit (unit) pname version program;
        # Unpacking and patching is the same work for every architecture: the machine does it.
        system = lock.host or lock.system;
        # Not read by the builder: another patchelf writes other bytes, so it is another package.
        tools = builtins.toJSON lock.tools;
        builder = "/bin/bash";
        args = [ ./build.sh ];
        debs = map (name: debs.${name}) unit.debs;
        inputs = map (name: units.${name}) (reachable unit);
        beside = map (name: units.${name}) unit.beside;
        cut = lock.cut ++ unit.cut;
        links = pairs unit.links;
        environment = pairs unit.environment;
        optional = unit.optional;
        host = if lock ? host then map (name: native.${name}) unit.runs else [ ];
        finish = lines unit.finish;
        preferLocalBuild = true;
      };
    in
    drv // {
      inherit (unit) pname version;
      meta = unit.meta // {
        name = drv.name;
        available = true;
        outputsToInstall = [ "out" ];
        platforms = [ lock.system ];
      };
    };

  native = import ./host { system = lock.host; };

  units = builtins.mapAttrs build lock.units;

  # { "a.b" = x; c = y; } -> { a = { b = x; recurseForDerivations = true; }; c = y; }
  nest = flat:
    builtins.foldl'
      (set: path:
        let parts = builtins.filter builtins.isString (builtins.split "\\." path);
        in
        if builtins.length parts == 1 then set // { ${path} = flat.${path}; }
        else
          let outer = builtins.head parts;
          in set // {
            ${outer} = (set.${outer} or { recurseForDerivations = true; })
              // { ${builtins.elemAt parts 1} = flat.${path}; };
          })
      { }
      (builtins.attrNames flat);
in
if system != lock.system
then throw "this starter set was made for ${lock.system}, not for ${system}"
else nest (builtins.mapAttrs (_: key: units.${key}) lock.attributes)
