# Puts the source of a package set at one revision into the store and answers with its path. `source` is JSON:
# { kind: "tarball", url } or { kind: "git", url, revision } or { kind: "folder", path }.
{ source }:
let
  asked = builtins.fromJSON source;
in
{
  tarball = builtins.fetchTarball { inherit (asked) url; name = "source"; };
  git = builtins.fetchGit { inherit (asked) url; rev = asked.revision; allRefs = true; };
  folder = builtins.path {
    name = "source";
    path = /. + asked.path;
    # What git keeps for itself changes without the packages changing.
    filter = path: type: baseNameOf path != ".git";
  };
}.${asked.kind} + ""
