#!/usr/bin/env bash
# Checks the kustomization against the chart and the cluster of KUBECONFIG, a new one: kustomize.sh <root of the repository>
set -euo pipefail

cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }
apply() { kubectl apply --server-side --validate=strict --warnings-as-errors "$@" >/dev/null; }

# The files are those of the chart, and kustomize makes the same of them as of what helm renders.
base_is_the_chart() {
  for part in crd operator; do
    .ci/drift.sh "kustomize/base/$part.yaml" .ci/kustomize.sh "$part"
  done
  helm template migration-task-watch charts/migration-task-watch --namespace migration-system --set crds.keep=false >"$work/helm.yaml"
  printf 'resources: [helm.yaml]\n' >"$work/kustomization.yaml"
  diff <(kubectl kustomize "$work" | grep -vE '^ *(app\.kubernetes\.io/managed-by: Helm|helm\.sh/chart: .*)$') \
    <(kubectl kustomize kustomize/base) || fail "kustomize/base differs from the chart, see above"
  echo "  the base renders what the chart renders"
}

base_applies() {
  kubectl create namespace migration-system >/dev/null
  kubectl label namespace migration-system pod-security.kubernetes.io/warn=restricted >/dev/null
  apply --kustomize kustomize/base
  kubectl delete --kustomize kustomize/base >/dev/null
  echo "  the base is applied and deleted"
}

# Its operator has the rights, in its own namespace.
overlay_applies() {
  local namespace=sms-operator wrong
  apply --kustomize kustomize/example
  wrong=$(kubectl get --kustomize kustomize/example --output 'jsonpath={range .items[*]}{.metadata.namespace}{"\n"}{.subjects[*].namespace}{"\n"}{end}' |
    grep -vxE "|$namespace" || true)
  [[ -z $wrong ]] || fail "the overlay has objects or subjects in $wrong"
  for right in 'get secrets --namespace default' "update leases.coordination.k8s.io/migration-task-watch --namespace $namespace"; do
    # shellcheck disable=SC2086 # Several words.
    kubectl auth can-i --quiet --as "system:serviceaccount:$namespace:migration-task-watch" $right ||
      fail "the overlay's operator may not $right"
  done
  echo "  the example is applied"
}

# Each operator keeps its rights when another is applied, or deleted.
overlays_stay_apart() {
  local team overlays=$PWD/.build/overlays
  rm -rf "$overlays"
  for team in team-a team-b; do
    mkdir -p "$overlays/$team"
    printf 'namespace: %s\nresources: [../../../kustomize/base]\n' "$team" >"$overlays/$team/kustomization.yaml"
    kubectl create namespace "$team" >/dev/null
    apply --kustomize "$overlays/$team"
  done
  for team in team-a team-b; do
    may_read "$team" || fail "two overlays in two namespaces take each other's rights: $team has none"
  done
  kubectl kustomize "$overlays/team-b" | awk 'BEGIN { RS = "---\n"; ORS = RS } !/kind: CustomResourceDefinition/' | kubectl delete --filename - >/dev/null
  may_read team-a || fail "an overlay that is deleted takes another's rights along"
  if may_read team-b; then fail "the rights of a deleted overlay are left"; fi
  echo "  overlays in two namespaces stay apart"
}
may_read() { kubectl auth can-i --quiet --as "system:serviceaccount:$1:migration-task-watch" get secrets --namespace default; }

base_is_the_chart
base_applies
overlay_applies
overlays_stay_apart
