#!/usr/bin/env bash
# Runs a command with a loopback interface and mounts of its own, so that a pod's ports are free: isolated.sh <command> [<argument>...]
set -euo pipefail

own=(--net --mount)
[[ $(id -u) == 0 ]] || own+=(--user --map-root-user)
for program in unshare ip; do
  command -v "$program" >/dev/null || { echo "error: $program is missing: install util-linux and iproute2" >&2; exit 1; }
done
unshare "${own[@]}" true || {
  echo "error: this system lets nobody but root have namespaces: run make verify as root, or allow unprivileged user namespaces" >&2
  exit 1
}
# shellcheck disable=SC2016 # Expanded by the inner shell.
exec unshare "${own[@]}" bash -c 'ip link set lo up && exec "$@"' bash "$@"
