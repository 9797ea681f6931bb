#!/usr/bin/env bash
# Builds kube-controller-manager of the version of go.mod into .build/verify-bin, once. Prints its path.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$here/go.mod")
output=$(LDFLAGS="-X k8s.io/component-base/version.gitVersion=$kubernetes" "$root/.ci/go-tools.sh" "$here" "$root/.build/verify-bin" \
  kube-controller-manager=k8s.io/kubernetes/cmd/kube-controller-manager)
echo "$output/kube-controller-manager"
