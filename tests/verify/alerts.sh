#!/usr/bin/env bash
# Checks alerts, and tries them on series that someone made up: alerts.sh <rules>
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The tests name the rules by a path beside their own.
cp "$1" "$here/alerts/alerts.test.yaml" "$work"
promtool check rules --lint=all --lint-fatal "$work/alerts.yaml"
promtool test rules "$work/alerts.test.yaml"
# Each alert has a section that says what to do.
sed -n 's/^ *- alert: //p' "$1" | while read -r alert; do
  grep -q "^## $alert$" "$here/../../docs/alerts.md" || { echo "error: docs/alerts.md says nothing of $alert" >&2; exit 1; }
done
