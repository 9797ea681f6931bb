#!/usr/bin/env bash
# Installs the chart with a values file into the cluster of KUBECONFIG, a new one, and looks at what has come of it:
#   install.sh <chart> <values file>
set -euo pipefail

chart=$1
values=$2
namespace=migration-system
crd=migrationtaskwatches.migration-task-watch.dev

say() { echo "  $*"; }
fail() { echo "error: $*" >&2; exit 1; }
manifest=$(helm template watch "$chart" --namespace "$namespace" --values "$values")
rendered() { printf '%s\n' "$manifest"; }
creates() { grep -qx "kind: $1" <<<"$manifest"; }

# The namespaces of the Roles.
confined_to() { rendered | sed -n '/^kind: Role$/,/^  namespace:/s/^  namespace: "\(.*\)"$/\1/p'; }

rights_of() { kubectl auth can-i --list --namespace "$2" --as="system:serviceaccount:$1" | tr -s ' ' | sort; }
# What a service account may do in a namespace that one without any binding may not.
rights() { comm -13 <(rights_of nowhere:nobody "$2") <(rights_of "$namespace:$1" "$2"); }

expected_rights() {
  local secrets=get
  if [[ $manifest == *--watch-secrets* ]]; then secrets='get list watch'; fi
  sort <<RIGHTS
events.events.k8s.io [] [] [create]
migrationtaskwatches.migration-task-watch.dev [] [] [get list watch]
migrationtaskwatches.migration-task-watch.dev/status [] [] [patch]
secrets [] [] [$secrets]
RIGHTS
}

check_rights() { # check_rights <service account>
  local inside outside=()
  mapfile -t inside < <(confined_to)
  if [[ ${#inside[@]} -gt 0 ]]; then
    outside=(default kube-system)
  else
    inside=(default kube-system)
  fi
  for each in "${inside[@]}"; do
    diff <(expected_rights) <(rights "$1" "$each") || fail "the service account's rights in namespace $each differ, see above"
  done
  for each in "${outside[@]}"; do
    diff /dev/null <(rights "$1" "$each") || fail "the service account has rights in namespace $each, see above"
  done
  say "the operator has its rights and no others: in ${inside[*]}${outside:+, not in ${outside[*]}}"
}

# Those in the release's namespace: none there but on the Lease, unless they are everywhere.
expected_release_rights() {
  local name
  name=$(rendered | sed -n 's/^ *- --lease-name=//p')
  {
    if [[ -z $(confined_to) ]]; then expected_rights; fi
    if [[ -n $name ]]; then
      echo 'leases.coordination.k8s.io [] [] [create]'
      echo "leases.coordination.k8s.io [] [$name] [get update]"
    fi
  } | sort
}

check_release_rights() { # check_release_rights <service account>
  diff <(expected_release_rights) <(rights "$1" "$namespace") ||
    fail "the service account's rights in the release's namespace differ, see above"
  say "the same in $namespace, where the Lease is"
}

# More than one operator are elected, spread, and not evicted together; one that isn't elected is never beside another.
check_replicas() {
  local deployment strategy replicas spread
  deployment=$(kubectl --namespace "$namespace" get deployment --output name)
  of() { kubectl --namespace "$namespace" get "$deployment" --output "jsonpath={$1}"; }
  strategy=$(of .spec.strategy.type) replicas=$(of .spec.replicas)
  spread=$(of '.spec.template.spec.topologySpreadConstraints[0].labelSelector.matchLabels')
  if of '.spec.template.spec.containers[0].args' | grep -q -- --leader-elect; then
    [[ $strategy == RollingUpdate ]] || fail "the strategy is $strategy"
  else
    [[ $strategy == Recreate && $replicas == 1 ]] || fail "$replicas replicas without an election, and strategy $strategy"
  fi
  [[ $spread == "$(of .spec.selector.matchLabels)" ]] || fail "the pods are spread by $spread"
  if creates PodDisruptionBudget; then
    [[ $replicas -gt 1 ]] || fail "one replica has a PodDisruptionBudget"
  else
    [[ $replicas -le 1 ]] || fail "$replicas replicas have no PodDisruptionBudget"
  fi
  say "replicas: $replicas, $strategy"
}

# The definition in the cluster is the generated one, and takes the example of the notes.
check_crd() {
  kubectl wait --for=condition=Established "crd/$crd" --timeout=60s >/dev/null
  kubectl diff --filename crds/migrationtaskwatches.yaml || fail "the chart's CustomResourceDefinition differs from crds/, see above"
  kubectl get namespace "$watched" >/dev/null 2>&1 || kubectl create namespace "$watched" >/dev/null
  helm get notes watch --namespace "$namespace" | sed -n '/<<EOF$/,/^ *EOF$/p' | sed '1d;$d' | kubectl apply --warnings-as-errors --filename - >/dev/null
  kubectl --namespace "$watched" get migrationtaskwatch wave-1 >/dev/null
  say "the definition is the generated one, and takes the example of the notes"
}

# The PrometheusRule has all alerts of the chart's file.
check_alerts() {
  diff <(sed -n 's/^ *- alert: //p' "$chart/files/alerts.yaml") \
    <(kubectl --namespace "$namespace" get prometheusrules --output 'jsonpath={range .items[*].spec.groups[*].rules[*]}{.alert}{"\n"}{end}') ||
    fail "the PrometheusRule's alerts differ from files/alerts.yaml, see above"
  say "the PrometheusRule has the alerts of files/alerts.yaml"
}

# The version of each object in the cluster.
versions() {
  rendered | kubectl get --filename - --output 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'
}

upgrade() { helm upgrade --install watch "$chart" --namespace "$namespace" --values "$values" >/dev/null; }

# crds.keep decides whether the watches outlive the release.
check_uninstall() {
  local keep=$1
  helm uninstall watch --namespace "$namespace" >/dev/null
  if [[ $keep == true ]]; then
    kubectl --namespace "$watched" get migrationtaskwatch wave-1 >/dev/null
    say "the watches outlive the release"
  else
    kubectl wait --for=delete "crd/$crd" --timeout=60s >/dev/null
    say "the definition is removed with the release"
  fi
}

watched=$(confined_to | head -n 1)
watched=${watched:-migration}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubectl apply --server-side --filename "$here/monitoring" >/dev/null
kubectl wait --for=condition=Established --timeout=60s --filename "$here/monitoring" >/dev/null
kubectl create namespace "$namespace" >/dev/null
for each in $(confined_to); do
  kubectl create namespace "$each" >/dev/null
done
# A pod template that isn't restricted gives a warning, and that is an error here.
kubectl label namespace "$namespace" pod-security.kubernetes.io/warn=restricted >/dev/null
apply() { kubectl apply --server-side --validate=strict --warnings-as-errors "$@" --filename - >/dev/null; }
rendered | apply --dry-run=server
rendered | apply
rendered | kubectl delete --filename - >/dev/null
say "the API server accepts what is rendered"

upgrade
before=$(versions)
[[ $(wc -l <<<"$before") == $(rendered | grep -c '^kind: ') ]] || fail "not all that is rendered is there: $before"
upgrade
upgrade
diff <(echo "$before") <(versions) || fail "an upgrade to the same changes objects, see above"
say "installed; an upgrade to the same changes nothing"

check_replicas
if creates ClusterRoleBinding || creates RoleBinding; then
  account=$(kubectl --namespace "$namespace" get deployment --output 'jsonpath={.items[0].spec.template.spec.serviceAccountName}')
  check_rights "$account"
  check_release_rights "$account"
fi
if creates PrometheusRule; then
  check_alerts
fi
if creates CustomResourceDefinition; then
  check_crd
  check_uninstall "$([[ $manifest == *'helm.sh/resource-policy: keep'* ]] && echo true || echo false)"
fi
