#!/usr/bin/env bash
# Checks the Helm chart, the kustomization and the image with a real helm, kubectl and API server, and with the controllers that make
# pods of them; and what GitOps engines make of watches. The tools are built or installed into .build/ once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
chart=$root/charts/migration-task-watch

part() { echo "== $*"; }

tools=$("$here/tools.sh")
lint_tools=$("$root/.ci/venv.sh" "$root/.ci/requirements.txt" "$root/.build/lint")
kubectl=$("$root/.ci/venv.sh" "$here/requirements.txt" "$root/.build/verify")
export PATH=$tools:$kubectl:$lint_tools:$PATH
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
part metrics
"$here/isolated.sh" "$with_cluster" "$here/metrics.sh" "$root" "$programs"
part commands
"$here/isolated.sh" "$with_cluster" "$here/commands.sh" "$root" "$programs"
part oldest
"$here/oldest.sh" "$root"
part schema
"$here/schema.sh" "$chart"
part contents
"$with_cluster" "$here/contents.sh" "$chart"
part releases
"$with_cluster" "$here/releases.sh" "$chart"
part arguments
"$with_cluster" "$here/arguments.sh" "$chart" "$programs/migration-task-watch"
for values in "$here"/values/*.yaml; do
  part "$(basename "$values")"
  helm lint --strict --quiet "$chart" --values "$values"
  "$with_cluster" "$here/install.sh" "$chart" "$values"
done
part workflows
actionlint
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
