#!/bin/bash
# Builds one path of the starter set. The environment comes from default.nix; $links, $environment
# and $finish have one entry a line, the other lists are words. Needs dpkg-deb, patchelf and GNU tools.
#
# A Debian package expects to live in / with a whole Debian around it. What comes out of here lives in the
# Nix store and finds only what it was given:
#
#   usr/bin, bin, usr/sbin, sbin     -> bin          programs: their loader and libraries by absolute store path
#   usr/lib, lib, lib64, usr/lib64   -> lib          libraries, likewise
#   usr/share, etc, ...              -> share, etc   without documentation, but with the copyright notices
set -euo pipefail
shopt -s nullglob dotglob extglob
export PATH=/usr/bin:/bin LC_ALL=C TZ=UTC HOME=/nonexistent
umask 022

fail() { echo "$name: $*" >&2; exit 1; }

build() {
  # Asked again and again about files that are not for it, it may fail without a word; so not this time.
  command -v patchelf >/dev/null || fail "patchelf is missing: install the Debian package patchelf"
  root=$(mktemp -d)
  unpack
  note_links
  merge
  cut_files
  place_links
  link_duplicates
  patch_files
  eval "$finish"
  write_wrappers
  write_beside
  drop_dangling
}

unpack() {
  local deb
  for deb in $debs; do
    # Not as the owner in the archive, and without set-user-id bits: Nix forbids its builders to set those.
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --no-same-owner --no-same-permissions --delay-directory-restore
  done
  chmod -R u+w "$root"
}

# Where something in / is in the output: /usr/sbin/x -> bin/x.
place() {
  local path=/${1##+(/)}
  path=${path#/usr}
  case $path in
    /sbin* | /games*) path=/bin${path#/@(sbin|games)} ;;
    /lib64* | /lib32*) path=/lib${path#/lib@(64|32)} ;;
  esac
  echo "${path#/}"
}

# Links are taken out before the folders are merged: what they point to is only clear while they are in place.
note_links() {
  links_at=() links_to=()
  local path target
  while IFS= read -r -d '' path; do
    target=$(readlink "$path")
    [[ $target = /* ]] || target=$(realpath -ms "${path%/*}/$target")
    links_at+=("$(place "${path#"$root"}")")
    links_to+=("$(place "${target#"$root"}")")
    rm "$path"
  done < <(find "$root" -type l -print0 | sort -z)
}

merge() {
  local from to
  for from in "$root"/usr/*/ "$root"/!(usr)/; do
    to=$out/$(place "${from#"$root"}")
    mkdir -p "$to"
    cp -a --no-preserve=ownership,timestamps "$from/." "$to/"
  done
}

# For the lines of $finish: a program that this machine can run, out of its own set where this is of another one.
runnable() {
  local tree
  for tree in $host "$out" $inputs; do
    [[ ! -x $tree/bin/$1 ]] || { echo "$tree/bin/$1"; return; }
  done
}

# Leaves this process in the output, where the lines of $finish expect to be.
cut_files() {
  cd "$out"
  # shellcheck disable=SC2086 # patterns are to be expanded
  rm -rf $cut share/doc/*/!(copyright)
}

# Each link is kept if what it means is in this output, or else in a dependency's.
place_links() {
  local i from to input target
  while IFS='=' read -r from to; do
    [[ -n $from ]] || continue
    links_at+=("$from")
    links_to+=("${from%/*}/$to")
  done <<<"$links"
  # A link may lead to a link that comes later: all are made, then those that lead nowhere go.
  for i in "${!links_at[@]}"; do
    from=$out/${links_at[i]} to=${links_to[i]}
    matches "${links_at[i]}" "$cut" && continue
    target=$out/$to
    for input in $inputs; do
      [[ -e $target || ! -e $input/$to ]] || target=$input/$to
    done
    # Debian's own "x -> /x/y" becomes a link to itself where bin and sbin have become one folder.
    [[ $target != "$from" && ! -d $from ]] || continue
    mkdir -p "${from%/*}"
    [[ $target != "$out"/* ]] || target=$(realpath -ms --relative-to="${from%/*}" "$target")
    ln -sfn "$target" "$from"
  done
  drop_dangling
}

# Whether one of the patterns $2 stands for the file $1 or a folder it is in.
matches() {
  local pattern
  set -f
  for pattern in $2; do
    # shellcheck disable=SC2053 # a pattern is to be matched
    if [[ $1 = $pattern || $1 = $pattern/* ]]; then set +f; return 0; fi
  done
  set +f
  return 1
}

drop_dangling() {
  while [[ -n $(find "$out" -xtype l -print -delete) ]]; do :; done
  # A folder that nothing is left in says nothing, and would be an entry in every image.
  find "$out" -mindepth 1 -type d -empty -delete
}

# A program that is there twice would be patched and stored twice. The one outside bin stays the file, so that a
# wrapper in bin does not catch the calls among the programs in lib.
link_duplicates() {
  local sum path real="" last=""
  while read -r sum _ path; do
    if [[ $sum != "$last" ]]; then last=$sum real=$path; continue; fi
    ln -sfn "$(realpath -ms --relative-to="${path%/*}" "$real")" "$path"
  done < <(find "$out" -type f -perm -100 -size +0 ! -name '* *' -exec sha256sum {} + |
    awk -v bin="$out/bin/" '{ print $1, index($2, bin), $2 }' | sort)
}

# folder_of[soname]: the folder that holds it. This output's come first, then the dependencies' in their order.
declare -A folder_of
index_libraries() {
  local tree file
  for tree in "$out" $inputs; do
    [[ -d $tree/lib ]] || continue
    while IFS= read -r file; do
      : "${folder_of[${file##*/}]:=${file%/*}}"
    done < <(find "$tree/lib" -maxdepth 3 \( -name '*.so' -o -name '*.so.*' \) | sort)
  done
}

patch_files() {
  local file magic
  index_libraries
  while IFS= read -r -d '' file; do
    magic=
    IFS= read -r -n 4 magic <"$file" 2>/dev/null || true
    case $magic in
      $'\x7fELF') patch_elf "$file" ;;
      # A Python module is read, whatever its mode says; a path in it would only make it differ from Debian's.
      '#!'*) [[ ! -x $file || $file = "$out"/lib/*.py ]] || patch_script "$file" ;;
    esac
  done < <(find "$out" -type f -print0 | sort -z)
}

patch_elf() {
  local file=$1 base=${1##*/} soname folder needed interpreter rpath=""
  case $base in
    # The loader cannot have a search path, and the C library is found by then.
    ld-linux* | ld64.so*) return ;;
    # It looks for locales in a place that is not in an image; this one, of the same length, is (glibcLocales).
    libc.so.6) sed -i 's|/usr/lib/locale|/lib/././locale|g' "$file" && return ;;
  esac
  # Nothing is needed by what is linked statically; patchelf says so in several ways.
  needed=$(patchelf --print-needed "$file" 2>/dev/null) || return 0
  [[ -n $needed ]] || return 0
  for soname in $needed; do
    folder=${folder_of[$soname]-}
    if [[ -z $folder ]]; then
      matches "${file#"$out"/}" "$optional" || fail "${file#"$out"/} needs $soname, which no dependency has"
      echo "left out: ${file#"$out"/} (needs $soname)"
      rm "$file"
      return
    fi
    [[ :$rpath: = *:$folder:* ]] || rpath+=${rpath:+:}$folder
  done
  # DT_RPATH, not DT_RUNPATH: it also holds for what the C library itself opens later, such as libgcc_s.
  patchelf --force-rpath --set-rpath "$rpath" "$file"
  interpreter=$(patchelf --print-interpreter "$file" 2>/dev/null) || return 0
  folder=${folder_of[${interpreter##*/}]-}
  [[ -n $folder ]] || fail "${file#"$out"/} is started by $interpreter, which no dependency has"
  patchelf --set-interpreter "$folder/${interpreter##*/}" "$file"
}

# A script whose interpreter is not a dependency (perl, as a rule) could only fail. Outside bin it may also be
# what others read, so it stays and is no longer a program.
patch_script() {
  local file=$1 line tree interpreter argument
  IFS= read -r line <"$file"
  read -r interpreter argument <<<"${line#'#!'}"
  if [[ $interpreter = */env ]]; then read -r interpreter argument <<<"$argument"; fi
  for tree in "$out" $inputs; do
    if [[ -x $tree/bin/${interpreter##*/} ]]; then
      sed -i "1c #!$tree/bin/${interpreter##*/}${argument:+ $argument}" "$file"
      return
    fi
  done
  echo "left out: ${file#"$out"/} (a script for $interpreter)"
  case $file in "$out"/bin/*) rm "$file" ;; *) chmod a-x "$file" ;; esac
}

# The program with its compiled-in paths replaced by environment variables, which the user's own still beat.
write_wrappers() {
  [[ -n $environment ]] || return 0
  local wrapper=$out/bin/$program real line bash=""
  for line in $inputs; do [[ ! -x $line/bin/bash ]] || bash=$line/bin/bash; done
  real=$(realpath "$wrapper")
  if [[ $real = "$out"/bin/* ]]; then
    mkdir -p "$out/libexec/firn"
    mv "$real" "$out/libexec/firn/"
    # Other names of the program in bin lead to the wrapper, which hands its own name on.
    ln -s "$program" "$real"
    real=$out/libexec/firn/${real##*/}
  fi
  rm -f "$wrapper"
  {
    echo "#!$bash"
    while IFS= read -r line; do
      line=${line//@out@/"$out"}
      echo "export ${line%%=*}=\"\${${line%%=*}-${line#*=}}\""
    done <<<"$environment"
    echo "exec -a \"\$0\" $real \"\$@\""
  } >"$wrapper"
  chmod +x "$wrapper"
}

# Nix's own convention for packages that belong into every profile (here: image root) this one is in.
write_beside() {
  [[ -n $beside ]] || return 0
  mkdir -p "$out/nix-support"
  echo "$beside" >"$out/nix-support/propagated-user-env-packages"
}

build
