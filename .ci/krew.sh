#!/usr/bin/env bash
# Prints krew's manifest of kubectl's plugin: krew.sh <directory with the archives> <version>
set -euo pipefail

archives=$1
version=$2
web=https://github.com/migration-task-watch/migration-task-watch

cat <<HEAD
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: mtw
spec:
  version: v$version
  homepage: $web
  shortDescription: Watch Huawei Cloud SMS migration tasks
  description: |
    Shows the waves of servers that migration-task-watch watches: list, top (tasks as they move), describe, why (what is wrong and what
    to do), refresh and check.
  platforms:
HEAD
for architecture in amd64 arm64; do
  archive=kubectl-mtw_${version}_linux_$architecture.tar.gz
  [[ -e $archives/$archive ]] || { echo "error: $archives/$archive is missing" >&2; exit 1; }
  cat <<PLATFORM
    - selector: {matchLabels: {os: linux, arch: $architecture}}
      uri: $web/releases/download/v$version/$archive
      sha256: $(sha256sum "$archives/$archive" | cut -d ' ' -f 1)
      bin: kubectl-mtw
      files:
        - {from: kubectl-mtw, to: .}
        - {from: LICENSE, to: .}
        - {from: THIRD-PARTY-NOTICES, to: .}
PLATFORM
done
