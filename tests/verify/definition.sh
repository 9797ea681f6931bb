#!/usr/bin/env bash
# Follows the ways to a newer CustomResourceDefinition that docs/operations.md describes, in the cluster of KUBECONFIG, a new one:
#   definition.sh <root of the repository>
set -euo pipefail

cd "$1"
namespace=migration-system
crd=migrationtaskwatches.migration-task-watch.dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "  $*"; }
fail() { echo "error: $*" >&2; exit 1; }
is_current() { kubectl diff --filename crds/migrationtaskwatches.yaml >/dev/null; }
columns() { kubectl get crd "$crd" --output 'jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}'; }
watches() { kubectl --namespace default get migrationtaskwatches --output name; }

# An older version of the chart: its definition has neither the first column nor, in spec, `expectedTasks`.
older=$work/chart
cp -r charts/migration-task-watch "$older"
awk '
  /^  - additionalPrinterColumns:$/ { print; skip = 4; next }
  skip > 0 { skip--; next }
  /^              expectedTasks:$/ { inside = 1; next }
  inside && /^               / { next }
  { inside = 0; print }
' charts/migration-task-watch/files/migrationtaskwatches.yaml >"$older/files/migrationtaskwatches.yaml"

is_older() { [[ $(columns) != *Ready* ]]; }

kubectl create namespace "$namespace" >/dev/null
kubectl apply --server-side --filename "$older/files/migrationtaskwatches.yaml" >/dev/null
if helm install watch charts/migration-task-watch --namespace "$namespace" >/dev/null 2>&1; then fail "helm takes somebody else's definition"; fi
helm install watch charts/migration-task-watch --namespace "$namespace" --take-ownership --force-conflicts >/dev/null
is_current || fail "helm install left the definition as it was"
helm uninstall watch --namespace "$namespace" >/dev/null
say "helm install takes the definition over, when told to"

helm install watch "$older" --namespace "$namespace" >/dev/null
is_older || fail "the older definition isn't older: $(columns)"
kubectl wait --for=condition=Established "crd/$crd" --timeout=60s >/dev/null
kubectl apply --server-side --filename - >/dev/null <<'WATCH'
apiVersion: migration-task-watch.dev/v1alpha1
kind: MigrationTaskWatch
metadata: {name: wave-1, namespace: default}
spec: {region: cn-north-4, credentials: {secretRef: {name: huawei-cloud}}}
WATCH

helm upgrade watch charts/migration-task-watch --namespace "$namespace" >/dev/null
is_current || fail "helm upgrade left the definition as it was"
say "helm upgrade brings the definition along"

helm upgrade watch "$older" --namespace "$namespace" >/dev/null
is_older || fail "helm upgrade to an older chart left the definition as it was"
helm upgrade watch charts/migration-task-watch --namespace "$namespace" --set crds.enabled=false >/dev/null
is_older || fail "crds.enabled=false changes the definition"
[[ $(watches) ]] || fail "crds.enabled=false deletes the watches"
if kubectl apply --server-side --filename crds/ >/dev/null 2>&1; then fail "kubectl overwrites helm's definition"; fi
kubectl apply --server-side --force-conflicts --filename crds/ >/dev/null
is_current || fail "kubectl apply left the definition as it was"
say "kubectl apply takes the definition over from helm, when told to"

# Older than that of the chart, and somebody else's.
kubectl apply --server-side --force-conflicts --filename "$older/files/migrationtaskwatches.yaml" >/dev/null
take_back() { helm upgrade watch charts/migration-task-watch --namespace "$namespace" --set crds.enabled=true "$@"; }
if refusal=$(take_back 2>&1); then fail "helm overwrites a definition that was applied by kubectl"; fi
[[ $refusal == *'conflict with "kubectl"'* ]] || fail "helm doesn't say who has applied the definition: $refusal"
take_back --force-conflicts >/dev/null
is_current || fail "helm upgrade --force-conflicts left the definition as it was"
say "helm takes it back, when told to"
[[ $(watches) ]] || fail "the watches are gone"
