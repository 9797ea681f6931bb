#!/usr/bin/env bash
# Builds the tools of make verify that are written in Go, each once; prints the folder that they are in.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

tool() { # tool <module> <package>: the module's folder has the program's name
  "$root/.ci/go-tools.sh" "$here/$1" "$root/.build/verify-bin" "$1=$2" >/dev/null
}

tool helm helm.sh/helm/v4/cmd/helm
tool actionlint github.com/rhysd/actionlint/cmd/actionlint
tool kube-state-metrics k8s.io/kube-state-metrics/v2
"$root/tests/cluster/build-controllers.sh" >/dev/null
GOFLAGS=-tags=builtinassets tool promtool github.com/prometheus/prometheus/cmd/promtool
# Not programs, but what tests are made with.
(cd "$here/oldest" && go list -export -deps -test . >/dev/null)
(cd "$here/gitops" && GOTOOLCHAIN=go$(sed -n 's/^go //p' go.mod) go list -export -deps -test . >/dev/null)
echo "$root/.build/verify-bin"
