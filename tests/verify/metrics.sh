#!/usr/bin/env bash
# What promtool and a strict parser of OpenMetrics say of the operator's metrics, and whether its default ports answer on both families; with ports that
# nobody else has: metrics.sh <root of the repository> <folder with the operator and sms-simulator>
# KUBECONFIG names the cluster, a new one. It needs prometheus-client of requirements.txt.
set -euo pipefail

cd "$1"
programs=$2
# shellcheck source=tests/verify/scene.sh
source tests/verify/scene.sh

simulate AKTEST secret --scenario tests/sms-simulator/scenarios/demo-wave.yaml
kubectl apply --server-side --filename crds/migrationtaskwatches.yaml >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
kubectl create secret generic huawei-cloud --from-literal accessKey=AKTEST --from-literal secretKey=secret >/dev/null
kubectl apply --filename - >/dev/null <<WATCH
apiVersion: migration-task-watch.dev/v1alpha1
kind: MigrationTaskWatch
metadata: {name: wave-1, namespace: default}
spec:
  endpoint: $endpoint
  credentials: {secretRef: {name: huawei-cloud}}
  interval: 5s
WATCH
"$programs/migration-task-watch" run --allowed-endpoints 'http://127.0.0.1:*' >"$work/operator.log" 2>&1 &
pids+=($!)
kubectl wait mtw/wave-1 --for=condition=Ready --timeout=60s >/dev/null || fail "the watch doesn't come to be Ready"

get() { # get <URL> <curl's argument>...
  curl --globoff --silent --show-error --fail --noproxy '*' --max-time 10 "${@:2}" "$1"
}

hosts=(127.0.0.1)
# Where the kernel has no IPv6, IPv4 alone.
! grep -q . /proc/net/if_inet6 2>/dev/null || hosts+=('[::1]')
for host in "${hosts[@]}"; do
  get "http://$host:8081/livez" >/dev/null
  get "http://$host:8081/readyz" >/dev/null
  get "http://$host:8080/metrics" >/dev/null
done
say "the default ports answer at ${hosts[*]}"

scrape() { # scrape <format>: as Prometheus asks for it
  get http://127.0.0.1:8080/metrics --header "Accept: $1"
}

scrape 'text/plain;version=0.0.4' >"$work/metrics.txt"
promtool check metrics --lint=all <"$work/metrics.txt" >"$work/lint.log" 2>&1 || fail "promtool finds fault with the text format"
[[ ! -s $work/lint.log ]] || fail "promtool has something to say of the text format"
scrape 'application/openmetrics-text;version=1.0.0' >"$work/openmetrics.txt"
python3 - "$work/metrics.txt" "$work/openmetrics.txt" <<'COMPARE' >"$work/compare.log" 2>&1 || fail "OpenMetrics isn't right, or isn't the same metrics"
import sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as strict

def labels(sample):
    # A whole number is 1 in one format and 1.0 in the other.
    return tuple(sorted((name, float(value) if name == "le" else value) for name, value in sample.labels.items()))

def series(families):
    # Values move between two scrapes.
    return {(sample.name, labels(sample)) for family in families for sample in family.samples}

text = series(parser.text_string_to_metric_families(open(sys.argv[1]).read()))
same = series(strict.text_string_to_metric_families(open(sys.argv[2]).read()))
if text != same:
    sys.exit(f"in one format only: {sorted(text ^ same)}")
if len(same) < 100:
    sys.exit(f"there are but {len(same)} series")
COMPARE
say "promtool finds nothing in the text format, and OpenMetrics says the same"
