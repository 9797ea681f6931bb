#!/usr/bin/env bash
# Builds the etcd and kube-apiserver that go.mod pins into .build/bin, once for each version, and prints that directory.
# KUBEBUILDER_ASSETS, when set, names a directory that holds them already: then nothing is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
  for program in etcd kube-apiserver; do
    [[ -x $KUBEBUILDER_ASSETS/$program ]] || {
      echo "error: KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks $program: add it there, or unset the variable to build it" >&2
      exit 1
    }
  done
  cd "$KUBEBUILDER_ASSETS" && pwd
  exit
fi

kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$here/go.mod")
[[ -x $root/.build/bin/kube-apiserver ]] ||
  echo "The tests run a real etcd and kube-apiserver $kubernetes: building them takes about five minutes on two cores, once." >&2
LDFLAGS="-X k8s.io/component-base/version.gitVersion=$kubernetes" "$root/.ci/go-tools.sh" "$here" "$root/.build/bin" \
  etcd=go.etcd.io/etcd/server/v3 kube-apiserver=k8s.io/kubernetes/cmd/kube-apiserver
