#!/usr/bin/env bash
# Follows the recipes for kubectl of docs/gitops.md, and runs the gate of examples/kubectl with its ServiceAccount's rights, while the
# tasks of a simulated SMS move: waits.sh <root of the repository> <folder with the operator and sms-simulator>
# KUBECONFIG names the cluster, a new one.
set -euo pipefail

cd "$1"
programs=$2
# shellcheck source=tests/verify/scene.sh
source tests/verify/scene.sh

start_simulator() {
  cat >"$work/scenario.yaml" <<'SCENARIO'
waves:
  - name: wave-1
    servers:
      - {name: web-1, plan: {copies: 1000}}
      - {name: web-2, plan: {copies: 1000}}
  - name: wave-2
    servers:
      - {name: web-1, plan: {copies: 1000, ends: {fails: {at: 50, error: {code: SMS.0203, message: The network is busy.}}}}}
      - {name: web-2, plan: {copies: 1000}}
SCENARIO
  simulate AKTEST secret --scenario "$work/scenario.yaml"
  control=$(sed -E 's/.*"control":"([^"]*)".*/\1/' "$work/endpoint.json")
  # Copying, and no further until told.
  at 500 true
}

at() { # at <second> <whether time stands still>
  python3 - "$control/clock" "{\"position\": $1, \"paused\": $2}" <<'SEND'
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], sys.argv[2].encode())
SEND
}

start_operator() {
  kubectl apply --server-side --filename crds/migrationtaskwatches.yaml >/dev/null
  kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
  "$programs/migration-task-watch" run --allowed-endpoints 'http://127.0.0.1:*' --health-addr 127.0.0.1:0 --metrics-addr 127.0.0.1:0 \
    >"$work/operator.log" 2>&1 &
  operator=$!
  pids+=("$operator")
}

watches() { # watches <substring of the names>
  for wave in wave-1 wave-2; do
    cat <<WATCH
---
apiVersion: migration-task-watch.dev/v1alpha1
kind: MigrationTaskWatch
metadata: {name: $wave, namespace: migration, labels: {program: "2026"}}
spec:
  endpoint: $endpoint
  credentials: {secretRef: {name: huawei-cloud}}
  filter: {name: "$wave-$1"}
  expectedTasks: 2
  interval: 5s
WATCH
  done
}

# The commands of the document, one a line, for the shell.
recipes() {
  # shellcheck disable=SC2016 # Marks of the document.
  sed -n '/^```bash$/,/^```$/p' docs/gitops.md | grep -vE '^(```.*|#.*|)$' | sed -e ':more' -e '/&&$/{N;s/\n/ /;b more' -e '}'
}

# What the Job runs, as its ServiceAccount.
gate() {
  local args
  mapfile -t args < <(kubectl --namespace migration get job after-wave-1 \
    --output 'jsonpath={range .spec.template.spec.initContainers[0].args[*]}{@}{"\n"}{end}')
  [[ ${args[-1]} == --timeout=* ]] || fail "the gate is ${args[*]}"
  kubectl --as system:serviceaccount:migration:wave-gate "${args[@]:0:${#args[@]}-1}" "--timeout=$1"
}

must_not_pass() { # must_not_pass <why> <command>...
  local why=$1
  shift
  if "$@" >"$work/last.log" 2>&1; then fail "$why: $*"; fi
}

start_simulator
start_operator
kubectl create namespace migration >/dev/null
kubectl --namespace migration create secret generic huawei-cloud --from-literal accessKey=AKTEST --from-literal secretKey=secret >/dev/null
watches '*' | kubectl apply --filename - >/dev/null
kubectl apply --filename examples/kubectl/gate.yaml >/dev/null
kubectl --namespace migration wait mtw --all --for=condition=Ready --timeout=60s >/dev/null || fail "the watches don't come to be ready"
must_not_pass "the gate is open while tasks are running" gate 0s
grep -q 'condition not met for migrationtaskwatches/wave-1' "$work/last.log" || fail "the gate doesn't wait"

# They wait, and all that they wait for comes.
recipes >"$work/recipes"
(($(wc -l <"$work/recipes") >= 7)) || fail "the document has fewer recipes than it had"
number=0
waiting=()
while read -r recipe; do
  number=$((number + 1))
  timeout 120 bash -c "$recipe" >"$work/recipe-$number.log" 2>&1 &
  waiting+=("$!")
done <"$work/recipes"
gate 120s >"$work/gate.log" 2>&1 &
waiting+=("$!")
at 100000 false
for each in "${waiting[@]}"; do
  wait "$each" || fail "a recipe didn't succeed"
done
say "all $number recipes and the gate come to their ends"

asked=$(kubectl --namespace migration get mtw wave-1 --output 'jsonpath={.metadata.annotations.reconcile\.fluxcd\.io/requestedAt}')
eventually kubectl --namespace migration wait mtw/wave-1 --for="jsonpath={.status.lastHandledReconcileAt}=$asked" --timeout=0s

first=$(head -n 1 "$work/recipes")
must_not_pass "a wave with a failed task has succeeded" bash -c "${first//wave-1/wave-2}"
say "a failed task is an exit code"

# The operator looks elsewhere.
kill -STOP "$operator"
watches 'web-*' | kubectl apply --filename - >/dev/null
must_not_pass "the gate of another filter counts" kubectl --namespace migration wait mtw/wave-1 --for=condition=Completed --timeout=0s
kill -CONT "$operator"
kubectl --namespace migration wait mtw/wave-1 --for=condition=Completed --timeout=60s >/dev/null || fail "the changed watch isn't answered"
say "a changed spec is waited for"
