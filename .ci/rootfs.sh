#!/usr/bin/env bash
# Builds the root file system of the image: rootfs.sh <output directory>
# It is the static binary, the certificate authorities of this system, and the licences. The same commit, Rust, C compiler and C
# library make the same bytes, wherever the sources lie. CA_BUNDLE names another file of authorities, FEATURES features of the crate.
set -euo pipefail

output=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { echo "error: $*" >&2; exit 1; }

target=${TARGET:-$(uname -m)-unknown-linux-gnu}
export TARGET=$target
# The time of all files.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

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
  install -D --mode 755 "$binary" "$output/migration-task-watch"
  install -D --mode 644 "$bundle" "$output/etc/ssl/certs/ca-certificates.crt"
  install -D --mode 644 LICENSE "$output/$documents/LICENSE"
  .ci/notices.sh "$target" >"$output/$documents/THIRD-PARTY-NOTICES"
  find "$output" -type d -exec chmod 755 {} +
  chmod 644 "$output/$documents/THIRD-PARTY-NOTICES"
  find "$output" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
}

bundle=$(authorities)
binary=$(.ci/binary.sh)
lay_out
