#!/usr/bin/env bash
# Has the API server of KUBECONFIG, a new one, check the manifests of examples/ by their definitions:
#   examples.sh <root of the repository> <file that lists definitions>
set -euo pipefail

cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }
is_valid() { kubectl apply --server-side --dry-run=server --validate=strict --warnings-as-errors "$@" >/dev/null; }

while read -r definitions; do
  # Server-side, since they are longer than an annotation may be.
  kubectl apply --server-side --filename "$definitions" >/dev/null
done <"$2"
kubectl apply --server-side --filename crds/migrationtaskwatches.yaml >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
for namespace in migration flux-system argocd; do kubectl create namespace "$namespace" >/dev/null; done
# Jobs would be run with restricted rights.
kubectl label namespace migration pod-security.kubernetes.io/warn=restricted >/dev/null

for manifest in examples/wave.yaml examples/*/*.yaml examples/*/*/*.yaml; do
  case $manifest in
    # The one is checked below; the other's definition is in no module, and its types are checked by tests/verify/gitops.
    */kustomization.yaml | */flux/alert.yaml | examples/kube-state-metrics.yaml) ;;
    *) is_valid --filename "$manifest" || fail "$manifest is refused, see above" ;;
  esac
done
echo "  the examples are valid"

# As docs/gitops.md has it: what the ConfigMap had stays.
cp -r examples/argocd "$work/argocd"
cat >"$work/argocd-cm.yaml" <<'CM'
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
  url: https://argocd.example.com
CM
printf 'namespace: argocd\nresources: [argocd-cm.yaml]\n' >"$work/kustomization.yaml"
sed -n '/^components:$/,/^```$/p' docs/gitops.md | grep -v '```' >>"$work/kustomization.yaml"
kubectl apply --server-side --validate=strict --kustomize "$work" >/dev/null
# shellcheck disable=SC2016 # A variable of the template.
keys=$(kubectl --namespace argocd get configmap argocd-cm --output 'go-template={{range $key, $_ := .data}}{{$key}} {{end}}')
of=migration-task-watch.dev_MigrationTaskWatch
[[ $keys == "resource.customizations.actions.$of resource.customizations.health.$of url " ]] || fail "argocd-cm has $keys"
echo "  Argo CD's ConfigMap is merged"
