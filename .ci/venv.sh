#!/usr/bin/env bash
# Installs the tools that a requirements file pins, once for each version of the file:
#   venv.sh <requirements file> <virtual environment>
# Prints the directory with the tools.
set -euo pipefail

requirements=$1
environment=$2

command -v python3 >/dev/null || { echo "error: python3 is missing: install Python 3.9 or newer with its venv module" >&2; exit 1; }
if ! cmp -s "$requirements" "$environment/installed.txt"; then
  echo "Installing the tools of $requirements ..." >&2
  python3 -m venv --clear "$environment" >&2 || {
    echo "error: python3 cannot make a virtual environment: install its venv module (python3-venv on Debian)" >&2
    exit 1
  }
  "$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$requirements" >&2
  cp "$requirements" "$environment/installed.txt"
fi
cd "$environment/bin" && pwd
