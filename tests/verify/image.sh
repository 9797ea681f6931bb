#!/usr/bin/env bash
# Looks at the root file system of the image, and runs the binary in it with nothing else: image.sh <root file system> <repository>
# To be run by isolated.sh, as somebody who may chroot.
set -euo pipefail

image=$1
repository=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/verify/container.sh
source "$here/container.sh"

inside() { # shellcheck disable=SC2046 # None or one argument.
  chroot $(container_user) "$image" /migration-task-watch "$@"
}

# All of it may be read by anybody and changed by nobody but root, and is as old as the commit.
has_what_it_needs() {
  diff - <(cd "$image" && find . -type f -printf '%m %P\n' | sort -k 2) <<'FILES' || fail "the image has other files or modes, see above"
644 etc/ssl/certs/ca-certificates.crt
755 migration-task-watch
644 usr/share/doc/migration-task-watch/LICENSE
644 usr/share/doc/migration-task-watch/THIRD-PARTY-NOTICES
FILES
  [[ -z $(find "$image" -type d ! -perm 755) ]] || fail "the image has directories with other modes"
  [[ $(find "$image" -printf '%T@\n' | sort -u | wc -l) == 1 ]] || fail "the image's files differ in time"
  # The sources' place would tell whose machine it was, and make each build differ.
  for place in "$repository" "${CARGO_HOME:-$HOME/.cargo}"; do
    if grep -qaF "$place/" "$image/migration-task-watch"; then fail "the binary names $place"; fi
  done
  grep -q '^ring 0' "$image/usr/share/doc/migration-task-watch/THIRD-PARTY-NOTICES" || fail "the notices don't have ring"
  echo "  the image has the binary, authorities and licences ($(du -sh --apparent-size "$image" | cut -f 1)), and tells no place"
}

runs_with_nothing_else() {
  local version
  version=$("$repository/.ci/version.sh")
  [[ $(inside --version) == "migration-task-watch $version" ]] || fail "the binary doesn't say that it is $version"
  diff "$repository/crds/migrationtaskwatches.yaml" <(inside crd) || fail "the binary's definition differs from crds/, see above"
  echo "  the binary runs in it, is $version, and has the definition of crds/"
}

# Authorities of the image are good to call SMS by.
trusts_somebody() {
  printf '%s\n' 'apiVersion: v1' 'kind: Secret' 'metadata: {name: key}' 'stringData: {accessKey: a, secretKey: b}' '---' \
    'apiVersion: migration-task-watch.dev/v1alpha1' 'kind: MigrationTaskWatch' 'metadata: {name: wave-1}' \
    'spec: {endpoint: "https://127.0.0.1:1", credentials: {secretRef: {name: key}}}' >"$work/watch.yaml"
  says() { # says <root> <what>
    # shellcheck disable=SC2046 # None or one argument.
    chroot $(container_user) "$1" /migration-task-watch check --allowed-endpoints 'https://127.0.0.1:1' --filename - \
      <"$work/watch.yaml" >"$work/said" 2>&1 || true
    grep -q "$2" "$work/said" || fail "it doesn't say '$2': $(cat "$work/said")"
  }
  cp -r "$image" "$work/bare"
  rm -r "$work/bare/etc"
  says "$image" EndpointUnreachable
  says "$work/bare" 'no trusted certificate authorities'
  echo "  its authorities are used, and missed"
}

has_what_it_needs
runs_with_nothing_else
trusts_somebody
