#!/usr/bin/env bash
# Builds the root file system of the image: rootfs.sh <output directory>
# It is the static binary, the certificate authorities of this system, and the licences. The same commit, Rust, C compiler and C
# library make the same bytes, wherever the sources lie. CA_BUNDLE names another file of authorities, FEATURES features of the crate.
set -euo pipefail

output=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

die() { echo "error: $*" >&2; exit 1; }

target=${TARGET:-$(uname -m)-unknown-linux-gnu}
# The time of all files.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# With glibc, whose heap the chart sets, and for which performance is measured. Its own look-up of names works when linked statically,
# since glibc 2.34, by /etc/hosts and DNS. The flag of getrandom, a crate, has random numbers come from the kernel by name: it looks for
# the function at run time otherwise, which no static binary has, and falls back to a file in /dev.
build() {
  local sysroot cargo_home flags
  sysroot=$(rustc --print sysroot)
  cargo_home=${CARGO_HOME:-$HOME/.cargo}
  # Packed relocations are half a megabyte less; the C library knows them since 2.36.
  flags=(-C target-feature=+crt-static '-Clink-arg=-Wl,-z,pack-relative-relocs' --cfg 'getrandom_backend="linux_getrandom"'
    "--remap-path-prefix=$root=/source" "--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$sysroot=/rust")
  export RUSTFLAGS="${flags[*]}"
  # The sources' times and places stay out of what C compilers write, too.
  export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$root=/source"
  cargo build --quiet --locked --release --target "$target" --package migration-task-watch --bin migration-task-watch --features "${FEATURES:-}"
}

authorities() {
  local bundle
  for bundle in "${CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    [[ ! -f $bundle ]] || { echo "$bundle"; return; }
  done
  die "this system has no certificate authorities: install ca-certificates, or name a file of them in CA_BUNDLE"
}

# Nothing in it can be changed by the user that runs it, and all of it is as old as the commit.
lay_out() {
  local documents=usr/share/doc/migration-task-watch
  rm -rf "$output"
  mkdir -p "$output"
  install -D --mode 755 "${CARGO_TARGET_DIR:-target}/$target/release/migration-task-watch" "$output/migration-task-watch"
  install -D --mode 644 "$bundle" "$output/etc/ssl/certs/ca-certificates.crt"
  install -D --mode 644 LICENSE "$output/$documents/LICENSE"
  .ci/notices.sh "$target" >"$output/$documents/THIRD-PARTY-NOTICES"
  find "$output" -type d -exec chmod 755 {} +
  chmod 644 "$output/$documents/THIRD-PARTY-NOTICES"
  find "$output" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
}

bundle=$(authorities)
build
lay_out
