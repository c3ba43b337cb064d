# The Debian packages named in lock.json, by name. Each is a fixed output whose store path is the one that
# `nix-store --add-fixed sha256` gives the same file, so as a rule it is in the store before anything is built.
# One that was garbage-collected is asked of apt again, and Nix refuses it if it is not the same file.
{ lock ? builtins.fromJSON (builtins.readFile ./lock.json) }:

builtins.mapAttrs
  (debian: deb: derivation {
    name = deb.file;
    system = lock.host or lock.system;
    builder = "/bin/bash";
    args = [ ./download.sh ];
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = deb.sha256;
    request = "${debian}=${deb.version}";
    url = deb.url or "";
    preferLocalBuild = true;
    impureEnvVars = [ "http_proxy" "https_proxy" "no_proxy" ];
  })
  lock.debs
