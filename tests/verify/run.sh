#!/usr/bin/env bash
# Checks the Helm chart, the kustomization and the image with a real helm, kubectl and API server, and with the controllers that make
# pods of them; and what GitOps engines make of watches. The tools are built or installed into .build/ once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
chart=$root/charts/migration-task-watch

part() { echo "== $*"; }

helm_dir=$("$root/.ci/go-tools.sh" "$here/helm" "$root/.build/verify-bin" helm=helm.sh/helm/v4/cmd/helm)
promtool_dir=$(GOFLAGS=-tags=builtinassets "$root/.ci/go-tools.sh" "$here/promtool" "$root/.build/verify-bin" promtool=github.com/prometheus/prometheus/cmd/promtool)
actionlint_dir=$("$root/.ci/go-tools.sh" "$here/actionlint" "$root/.build/verify-bin" actionlint=github.com/rhysd/actionlint/cmd/actionlint)
lint_dir=$("$root/.ci/venv.sh" "$root/.ci/requirements.txt" "$root/.build/lint")
kubectl_dir=$("$root/.ci/venv.sh" "$here/requirements.txt" "$root/.build/verify")
ksm_dir=$("$root/.ci/go-tools.sh" "$here/kube-state-metrics" "$root/.build/verify-bin" kube-state-metrics=k8s.io/kube-state-metrics/v2)
export PATH=$helm_dir:$promtool_dir:$ksm_dir:$kubectl_dir:$PATH
assets=$("$root/tests/cluster/build.sh")
export KUBEBUILDER_ASSETS=$assets
controller_manager=$("$root/tests/cluster/build-controllers.sh")
cd "$root"
cargo build --quiet --locked --package migration-task-watch --package test-cluster --package sms-simulator --bins
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
with_cluster=$programs/test-cluster

part alerts
"$here/alerts.sh" "$chart/files/alerts.yaml"
part kube-state-metrics
"$here/isolated.sh" "$with_cluster" "$here/kube-state-metrics.sh" "$root"
part commands
"$here/isolated.sh" "$with_cluster" "$here/commands.sh" "$root" "$programs"
part schema
"$here/schema.sh" "$chart"
part contents
"$with_cluster" "$here/contents.sh" "$chart"
for values in "$here"/values/*.yaml; do
  part "$(basename "$values")"
  helm lint --strict --quiet "$chart" --values "$values"
  "$with_cluster" "$here/install.sh" "$chart" "$values"
done
part workflows
"$actionlint_dir/actionlint" -shellcheck="$lint_dir/shellcheck"
part image
image=$root/.build/image
"$root/.ci/rootfs.sh" "$image"
"$here/isolated.sh" "$here/image.sh" "$image" "$root"
part definition
"$with_cluster" "$here/definition.sh" "$root"
part kustomize
"$with_cluster" "$here/kustomize.sh" "$root"
part gitops
"$here/gitops.sh"
for values in "$here"/admission/*.yaml; do
  part "admission: $(basename "$values")"
  "$here/isolated.sh" "$with_cluster" --controller-manager "$controller_manager" "$here/admission.sh" "$chart" "$values" "$image" "$programs"
done
echo "The chart and the examples are good."
