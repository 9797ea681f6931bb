#!/usr/bin/env bash
# Packs the binary as kubectl's plugin: archive.sh <root file system> <version> <architecture> <output directory>
# The same files make the same archive.
set -euo pipefail

rootfs=$1
version=$2
architecture=$3
output=$4
documents=$rootfs/usr/share/doc/migration-task-watch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$output"
cp --preserve=timestamps "$rootfs/migration-task-watch" "$work/kubectl-mtw"
cp --preserve=timestamps "$documents/LICENSE" "$documents/THIRD-PARTY-NOTICES" "$work/"
tar --create --directory "$work" --owner=0 --group=0 --numeric-owner --format=gnu -- \
  kubectl-mtw LICENSE THIRD-PARTY-NOTICES |
  gzip --no-name --best >"$output/kubectl-mtw_${version}_linux_$architecture.tar.gz"
