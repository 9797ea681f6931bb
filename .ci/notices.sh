#!/usr/bin/env bash
# Prints the licences of all that is in the binary: notices.sh <target>
# Each crate with its licence, then each text once with the crates that it belongs to, then that of the C library. FEATURES are those of
# the binary.
set -euo pipefail

target=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT

# <name> <version> <licence>, without our own, and without what only builds.
crates() {
  cargo tree --quiet --locked --package migration-task-watch --features "${FEATURES:-}" --edges normal,no-proc-macro --target "$target" --prefix none --format '{p}|{l}' |
    grep -v '(/' | sed -E 's/ \(\*\)$//; s/^([^ ]+) v([^ |]+)[^|]*\|(.*)$/\1 \2 \3/' | sort -u
}

folder_of() { # folder_of <name> <version>
  local folder
  for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$1-$2"; do
    [[ ! -d $folder ]] || { echo "$folder"; return; }
  done
  echo "error: the sources of $1 $2 are missing: cargo fetch --locked gets them" >&2
  exit 1
}

# One file for each text, named by its hash, and one beside it with the crates.
collect() {
  local name version text hash folder
  while read -r name version _; do
    folder=$(folder_of "$name" "$version")
    while read -r text; do
      hash=$(tr -d '\r' <"$text" | sha256sum | cut -c 1-64)
      [[ -e $sources/$hash ]] || tr -d '\r' <"$text" >"$sources/$hash"
      echo "$name $version" >>"$sources/$hash.crates"
    done < <(find "$folder" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'copyright*' \) | sort)
  done <"$sources/all"
}

rule() { printf '%s\n' '--------------------------------------------------------------------------------'; }

c_library() {
  local copyright=/usr/share/doc/libc6/copyright
  rule
  echo "The C library, glibc, is linked statically, under the GNU Lesser General Public License 2.1 or later. The sources of"
  echo "migration-task-watch and .ci/rootfs.sh in them make the binary anew with another one. Its sources and copyrights are those of"
  echo "the system that the binary was built on: $(getconf GNU_LIBC_VERSION 2>/dev/null || echo glibc)"
  [[ ! -f $copyright ]] || cat "$copyright"
}

crates >"$sources/all"
collect
echo "migration-task-watch is built from these crates as well, each under its own licence:"
echo
awk '{ name = $1; version = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "%s %s: %s\n", name, version, $0 }' "$sources/all"
for crates in "$sources"/*.crates; do
  rule
  paste -sd , "$crates" | sed 's/,/, /g'
  echo
  cat "${crates%.crates}"
done
c_library
