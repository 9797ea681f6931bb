#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version: release-notes.sh <version>
set -euo pipefail

awk -v heading="## [$1]" '
  /^## / { inside = index($0, heading) == 1; found = found || inside; next }
  inside
  END { exit !found }
' "$(dirname "${BASH_SOURCE[0]}")/../CHANGELOG.md" || { echo "error: CHANGELOG.md has no version $1" >&2; exit 1; }
