# Lists the packages of a package set, without building any.
#
# `question` is JSON: { source, system, allowUnfree, names }. Without `names`, which is null then, the answer is the
# names at the top of the set; with them it is [{ attribute, outputs: [path] }] of the packages that those are, and of
# the packages in the sets among them that say recurseForDerivations. What throws is left out: packages that are broken
# or unfree do, and aliases of what is gone. What Nix cannot catch, such as an attribute that is missing, fails the
# whole answer: whoever asks then asks for fewer names at once.
{ question }:
let
  inherit (builtins) attrNames concatMap deepSeq isAttrs isString tryEval;
  outputs = import ./outputs.nix;

  asked = builtins.fromJSON question;
  packageSet = import ./package-set.nix {
    inherit (asked) source system allowUnfree;
    hash = asked.hash or null;
  };

  pathOf = value: name:
    let path = (value.${name} or value).outPath; in if isString path then path else throw "no path";

  # Sets that refer to each other in circles end somewhere.
  deepest = 8;

  packagesAt = depth: attribute: value:
    let
      look =
        if outputs.isDerivation value then
          [{ inherit attribute; outputs = map (pathOf value) (outputs.toInstall value); }]
        else if isAttrs value && (value.recurseForDerivations or false) == true && depth < deepest then
          concatMap (name: packagesAt (depth + 1) "${attribute}.${name}" value.${name}) (attrNames value)
        else [ ];
      found = tryEval (deepSeq look look);
    in
    if found.success then found.value else [ ];
in
if asked.names == null then attrNames packageSet
else concatMap (name: packagesAt 0 name packageSet.${name}) asked.names
