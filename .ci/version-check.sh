#!/usr/bin/env bash
# Fails when a file has another version than the workspace, or, with a tag, when that isn't the version's: version-check.sh [<tag>]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(.ci/version.sh)
tag=${1:-v$version}
wrong=0

expect() { # expect <where> <expected> <found>
  [[ $3 == "$2" ]] || { echo "error: $1 has ${3:-nothing} where $2 belongs" >&2; wrong=1; }
}
once() { sort -u | paste -sd ' '; }
locked() { awk -v line="name = \"$2\"" '$0 == line { getline; gsub(/version = |"/, ""); print }' "$1"; }

expect "the tag" "v$version" "$tag"
for field in version appVersion; do
  expect "the chart's $field" "$version" "$(sed -n "s/^$field: //p" charts/migration-task-watch/Chart.yaml)"
done
expect kustomize/example "$version" "$(sed -n 's/^ *newTag: //p' kustomize/example/kustomization.yaml)"
for file in kustomize/base/{crd,operator}.yaml; do
  expect "$file" "$version" "$(sed -nE 's|^ *app.kubernetes.io/version: "?([^"]*)"?$|\1|p' "$file" | once)"
done
expect "the image of kustomize/base" "$version" "$(sed -nE 's|^ *(- )?image: .*:([^:"]*)"?$|\2|p' kustomize/base/operator.yaml | once)"
for lock in Cargo.lock fuzz/Cargo.lock; do
  expect "$lock" "$version" "$(locked "$lock" migration-task-watch)"
done
grep -q '^## \[Unreleased\]$' CHANGELOG.md || { echo "error: CHANGELOG.md has no section Unreleased" >&2; wrong=1; }
# A tag says that the version is out.
if [[ $# -gt 0 ]]; then .ci/release-notes.sh "$version" >/dev/null || wrong=1; fi
# The Rust of the image is the one that the crates demand.
rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
expect "the image's Rust" "$rust" "$(sed -nE 's/^ARG BUILDER=rust:([0-9]+\.[0-9]+).*/\1/p' Dockerfile)"
exit "$wrong"
