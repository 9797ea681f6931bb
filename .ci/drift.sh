#!/usr/bin/env bash
# Fails when a file isn't what `migration-task-watch crd` prints: drift.sh <file>...
set -euo pipefail

generated=$(mktemp)
trap 'rm -f "$generated"' EXIT
cargo run --quiet --locked -- crd >"$generated"
for file in "$@"; do
  diff -u "$file" "$generated" || { echo "error: $file is out of date: run make generate" >&2; exit 1; }
done
