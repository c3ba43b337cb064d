# The package set in a source, as the same for everybody: nothing of the user's own Nix configuration takes part.
{ source, system, allowUnfree }:
let
  inherit (builtins) functionArgs intersectAttrs isFunction;
  arguments = {
    inherit system;
    config = { inherit allowUnfree; };
    overlays = [ ];
  };
  imported = import (builtins.storePath source);
in
if isFunction imported then imported (intersectAttrs (functionArgs imported) arguments) else imported
