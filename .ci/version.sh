#!/usr/bin/env bash
# Prints the version of the workspace, from which all others follow.
set -euo pipefail

sed -nE '/^\[workspace\.package\]$/,/^\[/s/^version = "(.*)"$/\1/p' "$(dirname "${BASH_SOURCE[0]}")/../Cargo.toml"
