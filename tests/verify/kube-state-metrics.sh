#!/usr/bin/env bash
# What kube-state-metrics makes of a watch with the example's configuration, in the cluster of KUBECONFIG, a new one, and with
# ports that nobody else has: kube-state-metrics.sh <root of the repository>
set -euo pipefail

cd "$1"
port=8080
watches=migrationtaskwatches.migration-task-watch.dev
work=$(mktemp -d)
pid=
clean_up() {
  [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

fail() { echo "error: $*" >&2; exit 1; }

# A watch with a status that an operator wrote.
fixture() {
  python3 - "$1" <<'PYTHON'
import json, sys
fixture = json.load(open("tests/fixtures/status/v0.1.0.json"))
watch = {"apiVersion": "migration-task-watch.dev/v1alpha1", "kind": "MigrationTaskWatch", "metadata": {"name": "wave-1"}}
print(json.dumps({**watch, sys.argv[1]: fixture[sys.argv[1]]}))
PYTHON
}

expected() {
  sort <<'METRICS'
kube_migrationtaskwatch_info{interval="5s",name="wave-1",namespace="default"} 1
kube_migrationtaskwatch_last_sync_time{name="wave-1",namespace="default"} 1.795637644e+09
kube_migrationtaskwatch_progress{name="wave-1",namespace="default"} 30
kube_migrationtaskwatch_status_condition{name="wave-1",namespace="default",reason="Synced",status="True",type="Ready"} 1.795637636e+09
kube_migrationtaskwatch_tasks{name="wave-1",namespace="default",state="MIGRATE_FAIL"} 1
kube_migrationtaskwatch_tasks{name="wave-1",namespace="default",state="RUNNING"} 3
METRICS
}

# But for what is the same in all: the resource's kind.
metrics() {
  curl --silent --fail --noproxy '*' "http://127.0.0.1:$port/metrics" >"$work/metrics" || return 1
  sed -nE 's/customresource_[a-z]+="[^"]*",?//g; /^kube_migrationtaskwatch/p' "$work/metrics" | sort
}

kubectl apply --server-side --filename crds/ >/dev/null
kubectl wait --for=condition=Established "crd/$watches" --timeout=60s >/dev/null
fixture spec | kubectl create --filename - >/dev/null
kubectl patch "$watches" wave-1 --subresource=status --type=merge --patch "$(fixture status)" >/dev/null
kube-state-metrics --kubeconfig "$KUBECONFIG" --custom-resource-state-only --host 127.0.0.1 --port "$port" --telemetry-host 127.0.0.1 \
  --custom-resource-state-config-file examples/kube-state-metrics.yaml >"$work/log" 2>&1 &
pid=$!
for ((try = 0; try < 300; try++)); do
  kill -0 "$pid" 2>/dev/null || fail "kube-state-metrics ended: $(cat "$work/log")"
  [[ -z $(comm -23 <(expected) <(metrics || true)) ]] && break
  sleep 0.2
done
missing=$(comm -23 <(expected) <(metrics || true))
[[ -z $missing ]] || fail "kube-state-metrics doesn't make"$'\n'"$missing"$'\n'"but$(printf '\n%s' "$(metrics)")"
if grep -E '^E' "$work/log"; then fail "kube-state-metrics has errors"; fi
echo "  the example gives metrics of a watch, its conditions, its tasks by state and its progress"
