#!/usr/bin/env bash
# Checks the dependencies against deny.toml, and the shell scripts.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(.ci/venv.sh .ci/requirements.txt .build/lint)
# Licences are read from the sources of all dependencies, also of those that this system doesn't build.
cargo fetch --locked --quiet
"$tools/cargo-deny" --offline check --hide-inclusion-graph bans licenses sources
git ls-files -z '*.sh' .ci/run | xargs -0 "$tools/shellcheck" --external-sources
