#!/bin/bash
# Fetches a .deb that is not in the store (any more); whether it is the right one is for Nix to decide. The environment
# comes from debs.nix: $request is what apt is asked for; where $url says where it lies, the machine's lists may not
# know it.
set -euo pipefail
export PATH=/usr/bin:/bin LC_ALL=C HOME=/nonexistent

cd "$(mktemp -d)"
options=(-qq -o APT::Sandbox::User="$(id -un)")
if [[ -n $url ]]; then
  /usr/lib/apt/apt-helper "${options[@]}" download-file "$url" "$PWD/file.deb" >&2
else
  apt-get "${options[@]}" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= download "$request" >&2
fi || { echo "$name: apt has no $request any more: write the starter set anew" >&2; exit 1; }
cat ./*.deb >"$out"
