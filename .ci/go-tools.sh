#!/usr/bin/env bash
# Builds programs of a Go module into a directory, once for each version of the module, of Go and of this script:
#   go-tools.sh <module directory> <output directory> <program>=<package>...
# LDFLAGS goes to the linker. Prints the output directory.
set -euo pipefail

module=$(cd "$1" && pwd)
output=$2
shift 2
needed_go=1.26

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

check_go() {
  command -v go >/dev/null || die "Go is missing: install Go $needed_go or newer from https://go.dev/dl/"
  local version oldest
  version=$(go env GOVERSION)
  oldest=$(printf '%s\n' "$needed_go" "${version#go}" | sort -V | head -n 1)
  [[ $oldest == "$needed_go" ]] || die "$version is too old: install Go $needed_go or newer from https://go.dev/dl/"
}

# What the programs are made from, as one hash.
sources() {
  { go env GOVERSION GOOS GOARCH; cat go.mod go.sum "$script"; printf '%s\n' "${LDFLAGS:-}" "$@"; } | git hash-object --stdin
}

up_to_date() {
  local program
  for program in "$@"; do
    [[ -x $output/${program%%=*} ]] || return 1
  done
  [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]]
}

build() { # build <program> <package>, with a line every ten seconds
  local began=$SECONDS log=$work/$1.log next=10
  say "Building $1 ..."
  go build -v -trimpath -mod=readonly -ldflags "-s -w ${LDFLAGS:-}" -o "$work/$1" "$2" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - began >= next)); then
      say "  $((SECONDS - began)) s, $(grep -vc '^go: ' "$log" || true) packages compiled"
      next=$((next + 10))
    fi
  done
  wait "$pid" || { pid=; tail -n 20 "$log" >&2; die "building $1 failed, see above"; }
  pid=
  say "  done in $((SECONDS - began)) s"
  # Renamed into place, so that a running program isn't disturbed.
  mv -f "$work/$1" "$output/"
}

# Ctrl-C doesn't reach what a script runs in the background.
clean_up() {
  [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
  rm -rf "$work"
}

build_all() {
  local program
  work=$(mktemp -d "$output/.building.XXXXXX")
  pid=
  trap clean_up EXIT
  for program in "$@"; do
    build "${program%%=*}" "${program#*=}"
  done
  printf '%s\n' "$wanted" >"$stamp"
}

script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$module"
check_go
wanted=$(sources "$@")
stamp=$output/.${1%%=*}.stamp
if ! up_to_date "$@"; then
  # Without flock (macOS) two builds at once merely do the work twice.
  if command -v flock >/dev/null; then
    exec 9>"$stamp.lock"
    flock --nonblock 9 || { say "Another build is running: waiting for it."; flock 9; }
  fi
  up_to_date "$@" || build_all "$@"
fi
printf '%s\n' "$output"
