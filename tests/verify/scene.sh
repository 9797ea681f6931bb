#!/usr/bin/env bash
# A scene for checks that start programs, a simulated SMS above all: a folder that goes with the check, the processes that it
# started, and waiting; to be sourced, where `programs` names the folder with the programs.

# shellcheck disable=SC2154 # Of whoever sources it.
: "$programs"
work=$(mktemp -d)
pids=()

say() { echo "  $*"; }

fail() {
  echo "error: $*" >&2
  tail -n 30 "$work"/*.log >&2 || true
  kubectl get mtw --all-namespaces >&2 || true
  kubectl get events --all-namespaces --field-selector type=Warning >&2 || true
  exit 1
}

clean_up() {
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

eventually() { # eventually <command>...: until it succeeds
  local until=$((SECONDS + 60))
  until "$@" >"$work/last.log" 2>&1; do
    ((SECONDS < until)) || fail "not in a minute: $*"
    sleep 0.2
  done
}

simulate() { # simulate <key> <secret> <argument>...: starts the simulator; `endpoint` is where it is
  SMS_SIMULATOR_ACCESS_KEY=$1 SMS_SIMULATOR_SECRET_KEY=$2 "$programs/sms-simulator" "${@:3}" \
    >"$work/endpoint.json" 2>"$work/simulator.log" &
  pids+=($!)
  eventually grep -q endpoint "$work/endpoint.json"
  # shellcheck disable=SC2034 # For whoever sources it.
  endpoint=$(sed -E 's/.*"endpoint":"([^"]*)".*/\1/' "$work/endpoint.json")
}
