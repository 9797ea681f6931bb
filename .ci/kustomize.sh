#!/usr/bin/env bash
# Prints what the chart renders by default, less what says that helm looks after it, and with $(NAMESPACE) for the namespace in names:
#   kustomize.sh crd|operator
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case $1 in
  crd) part=(--show-only templates/crd.yaml) ;;
  operator) part=(--set crds.enabled=false) ;;
esac
helm_dir=$("$root/.ci/go-tools.sh" "$root/tests/verify/helm" "$root/.build/verify-bin" helm=helm.sh/helm/v4/cmd/helm)
echo "# Made from charts/migration-task-watch by make generate."
# shellcheck disable=SC2016 # Expanded by kustomize.
"$helm_dir/helm" template migration-task-watch "$root/charts/migration-task-watch" --namespace migration-system --set crds.keep=false \
  "${part[@]}" | sed -E '/^ *(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): /d; /^# Source: /d; /^$/d; s/^( *name: )migration-system:/\1$(NAMESPACE):/'
