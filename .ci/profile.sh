#!/usr/bin/env bash
# Has the operator run under the load of `make bench`, and prints the folder with what it did: how often each part of the code ran, for
# the compiler, and which functions ran at all, for the linker. It is made once for these sources, Rust and architecture.
#   profile.sh <bench>        with the API server in KUBEBUILDER_ASSETS
set -euo pipefail
bench=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { echo "error: $*" >&2; exit 1; }

sources() { rustc -vV; echo "${FEATURES:-}"; git ls-files -z --cached --others --exclude-standard Cargo.lock Cargo.toml src .ci/binary.sh .ci/profile.sh | xargs -0 cat; }

run() {
  local instrumented http2
  rm -rf "$counts"
  instrumented=$(PROFILE=instrument .ci/binary.sh)
  for http2 in false true; do
    env -u GZIP -u KEEP_LOGS HTTP2=$http2 SCENARIO=one-65k,fleet-300 SECONDS_EACH=35 PROGRAM=operator "$bench" run --operator "$instrumented" >&2
  done
}

# Functions of which any part ran. Those that only one file knows are named after it, too.
functions() {
  awk '
    /^$/ { name = ""; counts = 0; next }
    /^[:#]/ { counts = /Counter Values/; next }
    name == "" { name = $0; sub(/^[^;]*;/, "", name); next }
    counts && $0 > 0 && !seen[name]++ { print name }'
}

counts=.build/profile/counts
profile=.build/profile/made/$(sources | sha256sum | head -c 16)
if [[ ! -e $profile/order ]]; then
  profdata=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/llvm-profdata
  [[ -x $profdata ]] || rustup component add llvm-tools >&2 || die "llvm-profdata is missing: rustup component add llvm-tools"
  run
  mkdir -p "$profile"
  "$profdata" merge --output "$profile/counts.profdata" "$counts"
  "$profdata" merge --text --output - "$counts" | functions >"$profile/order.new"
  mv "$profile/order.new" "$profile/order"
fi
realpath "$profile"
