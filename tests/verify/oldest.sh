#!/usr/bin/env bash
# Holds the definition, and all that helm renders with the values of values/ and kustomize from its base, against the types of the oldest
# version of Kubernetes that is promised: oldest.sh <root of the repository>
set -euo pipefail

root=$1
chart=$root/charts/migration-task-watch
MANIFESTS=$(mktemp -d)
trap 'rm -rf "$MANIFESTS"' EXIT
export MANIFESTS

for values in "$root"/tests/verify/values/*.yaml; do
  helm template watch "$chart" --values "$values" >"$MANIFESTS/$(basename "$values")"
done
kubectl kustomize "$root/kustomize/base" >"$MANIFESTS/kustomize.yaml"
(cd "$root/tests/verify/oldest" && go test -count=1 .)
