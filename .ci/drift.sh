#!/usr/bin/env bash
# Fails when a file isn't what a command prints: drift.sh <file> <command> [<argument>...]
set -euo pipefail

file=$1
shift
generated=$(mktemp)
trap 'rm -f "$generated"' EXIT
"$@" >"$generated"
diff -u "$file" "$generated" || { echo "error: $file is out of date: run make generate" >&2; exit 1; }
