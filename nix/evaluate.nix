# Turns package names into derivations.
#
# `question` is JSON: { source, system, allowUnfree, packages: [name], catch }, where `source` is a store path that
# holds a package set and a name is an attribute path as people type it. What a person typed is only ever a string in
# here: looked up, compared, and handed back.
#
# The answer is { <name>: { state, ... } }:
#   package        attribute, name, version, derivation, outputs [{ name, path }], mainProgram, priority
#   not-found      prefix (the attribute path that was found so far), names (what is there instead)
#   not-a-package  prefix, names
#   ambiguous      prefix, names (all those that differ from what was asked for in case alone)
#   throws         it is there and evaluating it fails: ask for it alone, without `catch`, to see the message
{ question }:
let
  inherit (builtins) attrNames elem elemAt filter groupBy head isAttrs isFloat isInt
    isList isString length listToAttrs map mapAttrs replaceStrings split tryEval;

  asked = builtins.fromJSON question;

  packageSet = import ./package-set.nix {
    inherit (asked) source system allowUnfree;
    hash = asked.hash or null;
  };

  upper = [ "A" "B" "C" "D" "E" "F" "G" "H" "I" "J" "K" "L" "M" "N" "O" "P" "Q" "R" "S" "T" "U" "V" "W" "X" "Y" "Z" ];
  lower = [ "a" "b" "c" "d" "e" "f" "g" "h" "i" "j" "k" "l" "m" "n" "o" "p" "q" "r" "s" "t" "u" "v" "w" "x" "y" "z" ];
  toLower = replaceStrings upper lower;

  # A value with its names by what they are in lower case, and so for everything in it. All of it is lazy, and shared by
  # all names that are asked for: a large set is put in lower case once.
  indexed = value: {
    inherit value;
    byLower = groupBy toLower (attrNames value);
    within = mapAttrs (name: indexed) value;
  };
  index = indexed packageSet;

  # The attribute that a component means: exact, in another case, or behind the underscore that Nix wants before a digit.
  attributesFor = { value, byLower, ... }: component:
    let
      set = value;
      inAnyCase = wanted: byLower.${toLower wanted} or [ ];
      alternatives = [
        (if set ? ${component} then [ component ] else [ ])
        (inAnyCase component)
        (if set ? ${"_" + component} then [ ("_" + component) ] else [ ])
        (inAnyCase ("_" + component))
      ];
      found = filter (names: names != [ ]) alternatives;
    in
    if found == [ ] then [ ] else head found;

  outputs = import ./outputs.nix;
  inherit (outputs) isDerivation;
  stringOr = other: value: if isString value then value else other;
  need = name: value: if isString (value.${name} or null) then value.${name} else throw "it has no ${name}, or one that is no text";

  describe = path: value: output:
    let
      wanted = if output != null then [ output ] else outputs.toInstall value;
      parsed = builtins.parseDrvName (need "name" value);
    in
    {
      state = "package";
      attribute = path;
      name = stringOr parsed.name (value.pname or parsed.name);
      version = stringOr "" (value.version or parsed.version);
      derivation = need "drvPath" value;
      outputs = map (name: { inherit name; path = need "outPath" (value.${name} or value); }) wanted;
      mainProgram = stringOr null (value.meta.mainProgram or null);
      priority = let given = value.meta.priority or 5; in if isInt given || isFloat given then given else 5;
    };

  join = prefix: name: if prefix == "" then name else "${prefix}.${name}";

  # Walks down the components; `output` is the last one where it names an output of a derivation.
  look = prefix: node: components: output:
    let
      inherit (node) value;
      component = head components;
      names = attributesFor node component;
      name = head names;
      next = node.within.${name};
      rest = builtins.genList (i: elemAt components (i + 1)) (length components - 1);
    in
    if components == [ ] then
      (if isDerivation value then describe prefix value output
      else { state = "not-a-package"; inherit prefix; names = if isAttrs value then attrNames value else [ ]; })
    else if ! isAttrs value then { state = "not-found"; inherit prefix; names = [ ]; }
    else if names == [ ] then { state = "not-found"; inherit prefix; names = attrNames value; }
    else if length names > 1 then { state = "ambiguous"; inherit prefix names; }
    else look (join prefix name) next rest (if isDerivation value && elem name (outputs.all value) then name else null);

  answer = name:
    let
      looked = look "" index (filter isString (split "\\." name)) null;
      attempt = tryEval (builtins.deepSeq looked looked);
    in
    if ! asked.catch then looked else if attempt.success then attempt.value else { state = "throws"; };
in
listToAttrs (map (name: { inherit name; value = answer name; }) asked.packages)
