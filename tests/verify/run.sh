#!/usr/bin/env bash
# Checks the Helm chart with a real helm, kubectl and API server. The tools are built or installed into .build/ once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
chart=$root/charts/migration-task-watch

fail() { echo "error: $*" >&2; exit 1; }

refuses() { # refuses <values file>: helm's message has the text of the file's first line
  local expected output
  expected=$(sed -n '1s/^# //p' "$1")
  if output=$(helm template watch "$chart" --values "$1" 2>&1); then
    fail "the chart accepts $1"
  fi
  [[ $output == *"$expected"* ]] || fail "the chart refuses $1 without saying \"$expected\": $output"
}

helm_dir=$("$root/.ci/go-tools.sh" "$here/helm" "$root/.build/verify-bin" helm=helm.sh/helm/v4/cmd/helm)
promtool_dir=$(GOFLAGS=-tags=builtinassets "$root/.ci/go-tools.sh" "$here/promtool" "$root/.build/verify-bin" promtool=github.com/prometheus/prometheus/cmd/promtool)
kubectl_dir=$("$root/.ci/venv.sh" "$here/requirements.txt" "$root/.build/verify")
export PATH=$helm_dir:$promtool_dir:$kubectl_dir:$PATH
assets=$("$root/tests/cluster/build.sh")
export KUBEBUILDER_ASSETS=$assets
cd "$root"

"$here/alerts.sh" "$chart/files/alerts.yaml"

for values in "$here"/refused/*.yaml; do
  refuses "$values"
done
for values in "$here"/values/*.yaml; do
  echo "== $(basename "$values")"
  helm lint --strict --quiet "$chart" --values "$values"
  cargo run --quiet --locked --package test-cluster -- "$here/install.sh" "$chart" "$values"
done
echo "The chart is good."
