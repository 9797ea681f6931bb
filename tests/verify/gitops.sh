#!/usr/bin/env bash
# Brings watches into every phase on a real API server, and holds them, the examples and docs/gitops.md against the engines of Flux and
# Argo CD; then follows the document's recipes for kubectl. WRITE_DOCS=1 writes what the tests make. By itself, it builds what it needs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kubectl_dir=$("$root/.ci/venv.sh" "$here/requirements.txt" "$root/.build/verify")
export PATH=$kubectl_dir:$PATH
assets=$("$root/tests/cluster/build.sh")
export KUBEBUILDER_ASSETS=$assets
# Argo CD's modules need a newer Go than the rest, which Go fetches by itself.
GOTOOLCHAIN=go$(sed -n 's/^go //p' "$here/gitops/go.mod")
export GOTOOLCHAIN

cd "$root"
PHASES_DIR=$work cargo test --quiet --locked --package migration-task-watch --test e2e phases::
began=$SECONDS
(cd "$here/gitops" && go test -c -o "$work/engines" . && echo "  the tests of the engines are built in $((SECONDS - began)) s")
(cd "$here/gitops" && PHASES_DIR=$work "$work/engines")

# The definitions of what the examples are, at the versions that the tests are made with.
definitions() (
  cd "$here/gitops"
  version=$(go list -m -f '{{.Version}}' github.com/fluxcd/kustomize-controller/api)
  go list -m -f '{{.Dir}}/manifests/crds/application-crd.yaml' github.com/argoproj/argo-cd/v3
  # The controller's module has what that of its types lacks. Not a requirement of the tests, so outside of their module.
  cd "$work"
  go mod download -json "github.com/fluxcd/kustomize-controller@$version" | sed -nE 's|^\t"Dir": "(.*)",$|\1/config/crd/bases|p'
)
definitions >"$work/definitions"
[[ $(wc -l <"$work/definitions") == 2 ]] || { echo "error: definitions of Flux or Argo CD are missing" >&2; exit 1; }
cargo build --quiet --locked --package migration-task-watch --package test-cluster --package sms-simulator --bins
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
"$programs/test-cluster" "$here/examples.sh" "$root" "$work/definitions"
"$programs/test-cluster" "$here/waits.sh" "$root" "$programs"
