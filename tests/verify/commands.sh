#!/usr/bin/env bash
# Runs the commands of the documentation in an empty cluster, that of KUBECONFIG, with a simulated SMS in the place of Huawei
# Cloud's: commands.sh <root of the repository> <folder with the programs>
# To be run by isolated.sh, since ports and names of hosts are as documented.
set -euo pipefail

root=$1
programs=$2
list=$root/tests/verify/commands.txt
sms=sms.ap-southeast-3.myhuaweicloud.com
# shellcheck source=tests/verify/scene.sh
source "$root/tests/verify/scene.sh"

# All that stand in the documentation, without the comments behind them.
documented() {
  (cd "$root" && git ls-files -z 'README.md' 'docs/*.md' 'kustomize/*.md' 'charts/*.md' | xargs -0 sed -nE 's/ +# .*//; s/^\$ //p') | sort -u
}

kind() { # kind <line>: run, follow, own or not; and the command
  case $1 in
  'follow: '* | 'own: '* | 'not: '*) echo "${1%%: *}" "${1#*: }" ;;
  *) echo run "$1" ;;
  esac
}
# The kinds and the commands of the list.
listed() {
  local line
  grep -vE '^(#|$)' "$list" | while read -r line; do kind "$line"; done
}

# Whether a line of the list is of a documented command.
is_of() { # is_of <kind> <listed> <command>
  case $1 in
  own) [[ $2 == "! $3" ]] ;;
  not) [[ $3 == "$2" || ($2 == *\* && $3 == "${2%\*}"*) ]] ;;
  *) [[ $3 == "$2" ]] ;;
  esac
}

# Each documented command is in the list, and each in the list is documented.
is_complete() {
  local command is_known kind known
  while read -r command; do
    is_known=
    while read -r kind known; do
      if is_of "$kind" "$known" "$command"; then is_known=yes; fi
    done <"$work/listed"
    [[ -n $is_known ]] || fail "commands.txt lacks: $command"
  done <"$work/documented"
  while read -r kind known; do
    [[ $kind == own || $kind == not ]] || grep -qxF -- "$known" "$work/documented" || fail "the documentation lacks: $known"
  done <"$work/listed"
}

start_simulator() {
  cp /etc/hosts "$work/hosts"
  echo "127.0.0.1 $sms" >>"$work/hosts"
  mount --bind "$work/hosts" /etc/hosts
  simulate YOUR-ACCESS-KEY YOUR-SECRET-KEY --listen 127.0.0.1:443 --tls-ca-file "$work/ca.pem" --tls-name "$sms" \
    --scenario "$root/tests/sms-simulator/scenarios/demo-wave.yaml"
  export CA_FILE=$work/ca.pem ALLOWED_CIDRS=127.0.0.0/8
}

start_operator() {
  POD_NAMESPACE=migration-system migration-task-watch run --leader-elect >"$work/operator.log" 2>&1 &
  pids+=($!)
}

# Where a reader would be: in a clone, with the programs installed.
prepare() {
  mkdir "$work/bin" "$work/clone"
  ln -s "$programs/migration-task-watch" "$work/bin/migration-task-watch"
  ln -s "$programs/migration-task-watch" "$work/bin/kubectl-mtw"
  export PATH=$work/bin:$PATH
  cd "$work/clone"
  cp -r "$root"/{charts,crds,examples,kustomize} .
  cp "$root/examples/wave.yaml" wave.yaml
}

run() { # run <command>, as a line of a shell
  echo "\$ $1" >>"$work/commands.log"
  eval "$1" >>"$work/commands.log" 2>&1
}

follow() {
  local rc=0
  timeout 5 bash -c "$1" >"$work/followed.log" 2>&1 || rc=$?
  ((rc == 124)) || return 1
}

listed >"$work/listed"
documented >"$work/documented"
is_complete
start_simulator
prepare
count=0
while read -r kind command <&9; do
  case $kind in
  not) continue ;;
  follow) follow "$command" || fail "it has ended: $command" ;;
  *) run "$command" || fail "it has failed: $command" ;;
  esac
  count=$((count + 1))
done 9<"$work/listed"
say "$count commands work as they are documented"
