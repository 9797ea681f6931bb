#!/usr/bin/env bash
# Shows that values.schema.json refuses typos at every level, and wrong types of every value: schema.sh <chart>
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
chart=$1

fail() { echo "error: $*" >&2; exit 1; }

# What helm says of values that it must refuse, which are given as arguments.
refusal() {
  local output
  if output=$(helm template watch "$chart" "$@" 2>&1); then fail "the chart accepts $*"; fi
  printf '%s\n' "$output"
}

refuses_table() {
  local values expected output count=0
  while IFS= read -r line; do
    [[ $line != '# '* ]] || continue
    values=${line%% # *} expected=${line##* # }
    output=$(refusal --values <(printf '%s\n' "$values"))
    [[ $output == *"$expected"* ]] || fail "the chart refuses $values without saying \"$expected\": $output"
    count=$((count + 1))
  done <"$here/refused.txt"
  echo "  $count bad values are refused"
}

# What is Kubernetes' own, or other charts', and so open.
is_open() { [[ $1 =~ ^(global|resources)$ ]]; }
# The keys of values.yaml that have a value, by their rows in the table that is made from it.
# shellcheck disable=SC2016 # No command: the marks of the table.
keys() { "$here/../../.ci/chart-readme.sh" | sed -nE 's/^\| `([A-Za-z_.]+)` \| [^ ].*/\1/p'; }
levels() { keys | sed -nE 's/\.[^.]+$//p' | sort -u; }
# Whose keys are anybody's.
is_free() { [[ $1 =~ ^(dashboards\.labels|resources\.(requests|limits))$ ]]; }
pointer() { printf '/%s' "${1//./\/}"; }

refuses_typos() {
  local level output where planted=(--set-json 'tpyo={}')
  for level in $(levels); do
    is_open "$level" || planted+=(--set-json "$level.tpyo={}")
  done
  output=$(refusal "${planted[@]}")
  for level in '' $(levels); do
    if [[ $level ]] && is_open "$level"; then continue; fi
    where=$(pointer "$level")
    if [[ -z $level ]]; then
      expected="at '': additional properties 'tpyo' not allowed"
    elif is_free "$level"; then
      expected="at '$where/tpyo': got object"
    else
      expected="at '$where': additional properties 'tpyo' not allowed"
    fi
    [[ $output == *"$expected"* ]] || fail "the chart takes an unknown key in ${level:-the top level}: $output"
  done
  echo "  a typo is refused at $(levels | wc -l) levels and the top"
}

# Nothing is a list with a list in it.
refuses_types() {
  local key output planted=()
  for key in $(keys); do
    planted+=(--set-json "$key=[[]]")
  done
  output=$(refusal "${planted[@]}")
  for key in $(keys); do
    grep -qE "at '$(pointer "$key")(/0)?': (got array|value must be)" <<<"$output" ||
      fail "the chart takes a list of lists for $key: $output"
  done
  echo "  a wrong type is refused for $(keys | wc -l) keys"
}

refuses_table
refuses_typos
refuses_types
