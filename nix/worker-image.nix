# The worker's image out of nixpkgs, the same bytes each time, for those who have nixpkgs:
#
#   nix-build nix/worker-image.nix --argstr registry "$(npm config get registry)"
#   docker load <result
#
# User, environment, paths and what starts are those of worker/Dockerfile; where they differ, this says why:
#
#   FIRN_SEED   is not set, and no disk can be mounted at /nix, since in this image the programs themselves are there. The
#               store is the image's own, writable, and in memory where the container's file system is.
#   starter     The starter set is made with Debian's tools, which are not in here.
{ registry
, pkgs ? import <nixpkgs> { }
}:
let
  inherit (builtins) attrNames concatStringsSep elemAt filter fromJSON length map readFile split;

  lock = fromJSON (readFile ../package-lock.json);
  base = if pkgs.lib.hasSuffix "/" registry then registry else "${registry}/";

  # node_modules as npm would have it, out of the checksums of the lock file; nothing in it has to be compiled.
  modules = filter (path: path != "" && ! (lock.packages.${path}.dev or false)) (attrNames lock.packages);
  place = path:
    let
      parts = filter builtins.isString (split "node_modules/" path);
      name = elemAt parts (length parts - 1);
      file = baseNameOf name;
      archive = pkgs.fetchurl {
        url = "${base}${name}/-/${file}-${lock.packages.${path}.version}.tgz";
        hash = lock.packages.${path}.integrity;
      };
    in
    ''
      mkdir -p $out/firn/${path}
      tar --extract --file ${archive} --directory $out/firn/${path} --strip-components 1
    '';

  firn = pkgs.runCommand "firn-worker-files" { } ''
    ${concatStringsSep "" (map place modules)}
    cp ${../LICENSE} $out/firn/LICENSE
    cp ${../package.json} $out/firn/package.json
    cp -r ${../core} $out/firn/core
    cp -r ${../nix} $out/firn/nix
    cp -r ${../worker} $out/firn/worker
  '';

  programs = [
    pkgs.bashInteractive
    pkgs.cacert
    pkgs.coreutils
    pkgs.git
    pkgs.gnutar
    pkgs.gzip
    pkgs.iproute2
    pkgs.isa-l
    pkgs.nix
    pkgs.nodejs_24
    pkgs.openssh
    pkgs.tini
    pkgs.util-linux
  ];
  id = 65532;
in
pkgs.dockerTools.buildLayeredImage {
  name = "firn-worker";
  tag = "latest";
  uid = id;
  gid = id;
  contents = programs ++ [ firn pkgs.dockerTools.binSh pkgs.dockerTools.usrBinEnv ];
  # Nix is to know what it has, and to keep it.
  includeNixDB = true;
  extraCommands = ''
    mkdir -p etc/nix home/firn nix/var/nix/gcroots/image nix/var/tmp tmp
    chmod 1777 tmp
    echo 'max-jobs = auto' >etc/nix/nix.conf
    echo 'firn:x:${toString id}:${toString id}::/home/firn:/bin/sh' >etc/passwd
    echo 'firn:x:${toString id}:' >etc/group
    ${concatStringsSep "\n" (map (path: "ln -s ${path} nix/var/nix/gcroots/image/") (programs ++ [ firn ]))}
  '';
  config = {
    User = "firn";
    WorkingDir = "/firn";
    Env = [
      "FIRN_DATA=/nix/var/firn"
      "FIRN_DISK_SHARE=80"
      "HOME=/home/firn"
      "MALLOC_ARENA_MAX=1"
      "NIX_REMOTE=local"
      "NIX_SSL_CERT_FILE=${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"
      "PATH=/bin"
      "SSL_CERT_FILE=${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"
      "TMPDIR=/nix/var/tmp"
      "XDG_CACHE_HOME=/nix/var/cache"
    ];
    Entrypoint = [ "tini" "--" "node" "/firn/worker/index.ts" ];
    StopSignal = "SIGTERM";
    Labels = {
      "org.opencontainers.image.title" = "firn worker";
      "org.opencontainers.image.description" = "Builds the images that a firn registry is asked for, with Nix.";
      "org.opencontainers.image.licenses" = "Apache-2.0";
    };
  };
}
