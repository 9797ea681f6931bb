#!/usr/bin/env bash
# Builds the etcd and kube-apiserver that go.mod pins into .build/bin, once for each version, and prints that directory.
# KUBEBUILDER_ASSETS, when set, names a directory that holds them already: then nothing is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
assets=$(cd "$here/../.." && pwd)/.build/bin
stamp=$assets/.test-cluster
binaries=(etcd kube-apiserver)
needed_go=1.26

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

missing_from() {
  local binary
  for binary in "${binaries[@]}"; do
    [[ -x $1/$binary ]] || printf ' %s' "$binary"
  done
}

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
  missing=$(missing_from "$KUBEBUILDER_ASSETS")
  [[ -z $missing ]] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks:$missing. Add them there, or unset it to build them."
  (cd "$KUBEBUILDER_ASSETS" && pwd)
  exit
fi

command -v go >/dev/null || die "Go is missing: install Go $needed_go or newer from https://go.dev/dl/"
cd "$here"
go_version=$(go env GOVERSION)
oldest=$(printf '%s\n' "$needed_go" "${go_version#go}" | sort -V | head -n 1)
[[ $oldest == "$needed_go" ]] || die "$go_version is too old: install Go $needed_go or newer from https://go.dev/dl/"

wanted=$({ printf '%s %s\n' "$go_version" "$(go env GOOS GOARCH | xargs)"; cat go.mod go.sum build.sh; } | git hash-object --stdin)
up_to_date() { [[ -z $(missing_from "$assets") && $(cat "$stamp" 2>/dev/null) == "$wanted" ]]; }

build() { # build <binary> <package> <ldflags>
  local binary=$1 package=$2 ldflags=$3 began=$SECONDS log=$work/$1.log pid
  say "  $binary ..."
  go build -v -trimpath -mod=readonly -ldflags "-s -w $ldflags" -o "$work/$binary" "$package" >"$log" 2>&1 &
  pid=$!
  local next=10
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - began >= next)); then
      say "  $binary: $((SECONDS - began)) s, $(grep -vc '^go: ' "$log" || true) packages compiled"
      next=$((next + 10))
    fi
  done
  wait "$pid" || { tail -n 20 "$log" >&2; die "building $binary failed, see above"; }
  say "  $binary: done in $((SECONDS - began)) s"
}

build_all() {
  local kubernetes
  kubernetes=$(go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
  say "Building etcd and kube-apiserver $kubernetes for the tests. The first time takes about five minutes on two cores."
  work=$(mktemp -d "$assets/.building.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  build etcd go.etcd.io/etcd/server/v3 ''
  build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "-X k8s.io/component-base/version.gitVersion=$kubernetes"
  # Renamed into place, so that a cluster that runs the old files isn't disturbed.
  mv -f "${binaries[@]/#/$work/}" "$assets/"
  printf '%s\n' "$wanted" >"$stamp"
}

mkdir -p "$assets"
if ! up_to_date; then
  # Without flock (macOS) two builds at once merely do the work twice.
  if command -v flock >/dev/null; then
    exec 9>"$assets/.lock"
    flock --nonblock 9 || { say "Another build is running: waiting for it."; flock 9; }
  fi
  up_to_date || build_all
fi
printf '%s\n' "$assets"
