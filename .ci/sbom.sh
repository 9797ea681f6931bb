#!/usr/bin/env bash
# Writes what the binary is made of as CycloneDX in JSON: sbom.sh <output file>
set -euo pipefail

version=0.5.9
output=$(realpath --canonicalize-missing "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/.build/cyclonedx-$version
[[ -x $tools/bin/cargo-cyclonedx ]] || cargo install --quiet --locked --root "$tools" "cargo-cyclonedx@$version"
# It writes beside the manifest of each member of the workspace.
clean_up() { git ls-files --others '*migration-task-watch.sbom.json' -z | xargs -0 --no-run-if-empty rm --; }
trap clean_up EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
"$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --target "$(uname -m)-unknown-linux-gnu" \
  --no-build-deps --override-filename migration-task-watch.sbom
mkdir -p "$(dirname "$output")"
# Our own crate is told by the folder that it lay in.
sed "s|path+file://$PWD|path+file:///source|g" migration-task-watch.sbom.json >"$output"
