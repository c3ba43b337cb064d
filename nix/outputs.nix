# Which outputs of a package an image takes.
let
  inherit (builtins) elem filter head isAttrs isList;
  documentation = [ "man" "info" "doc" "devdoc" "devman" ];
in
rec {
  isDerivation = value: isAttrs value && (value.type or null) == "derivation";

  all = value: let named = value.outputs or [ "out" ]; in
    if isList named && named != [ ] then named else throw "its outputs are not a list of names";

  # Those for installation without documentation, or the first of all.
  toInstall = value:
    let
      wanted = value.meta.outputsToInstall or [ ];
      useful = filter (name: ! elem name documentation && elem name (all value)) (if isList wanted then wanted else [ ]);
    in
    if useful != [ ] then useful else [ (head (all value)) ];
}
