#!/usr/bin/env bash
# Installs the chart where pods must be restricted, with the controllers of kube-controller-manager; then runs the operators of
# the pods that come of it outside, as a kubelet would, against a simulated SMS:
#   admission.sh <chart> <values file> <root file system of the image> <folder with run-pod and sms-simulator>
# KUBECONFIG names the cluster, a new one. To be run by isolated.sh, since the pods' ports are fixed.
set -euo pipefail

chart=$1
values=$2
image=$3
programs=$4
namespace=migration-system
watched=migration
app=app.kubernetes.io/name=migration-task-watch
# Where SMS is, and by which name.
sms_address=10.9.0.1
sms_name=sms.example.test
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/verify/container.sh
source "$scripts/container.sh"
# shellcheck source=tests/verify/scene.sh
source "$scripts/scene.sh"

here() { kubectl --namespace "$namespace" "$@"; }
there() { kubectl --namespace "$watched" "$@"; }

start_simulator() {
  ip address add "$sms_address/32" dev lo
  simulate AKTEST secret --listen "$sms_address:0" --tls-ca-file "$work/ca.pem" --tls-name "$sms_name" --generate 20
  endpoint=https://$sms_name:${endpoint##*:}
}

start_dns() {
  python3 "$scripts/image/names.py" 127.0.0.1 "$sms_name" "$sms_address" >"$work/names.log" 2>&1 &
  pids+=($!)
  eventually grep -q serving "$work/names.log"
}

prepare() {
  for each in "$namespace" "$watched"; do
    kubectl create namespace "$each" >/dev/null
    kubectl label namespace "$each" pod-security.kubernetes.io/enforce=restricted >/dev/null
  done
  eventually here get serviceaccount default
  if here run loose --image=loose >"$work/last.log" 2>&1; then fail "the namespace takes pods that aren't restricted"; fi
  grep -q 'violates PodSecurity "restricted' "$work/last.log" || fail "a pod is refused for another reason"
  here create configmap authorities --from-file "$work/ca.pem" --from-literal level=debug >/dev/null
  here create secret generic authorities --from-file "$work/ca.pem" --from-literal qps=50 >/dev/null
}

install() {
  helm install migration-task-watch "$chart" --namespace "$namespace" --values "$values" >/dev/null
  eventually here wait deployment/migration-task-watch --for=jsonpath='{.status.replicas}'=2 --timeout=1s
  mapfile -t pods < <(here get pods --selector "$app" --output 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}')
  ((${#pods[@]} == 2)) || fail "there are ${#pods[@]} pods"
  say "two pods come to be, restricted as the namespace demands"
}

# There is no node: the pods say themselves that they run.
pretend_to_run() {
  local address=10.1.0. number=0
  for pod in "${pods[@]}"; do
    number=$((number + 1))
    here patch pod "$pod" --subresource status --type merge --patch "{\"status\": {\"phase\": \"Running\", \"podIP\": \"$address$number\",
      \"podIPs\": [{\"ip\": \"$address$number\"}], \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}}" >/dev/null
  done
  here rollout status deployment/migration-task-watch --timeout=60s >/dev/null || fail "the Deployment isn't available"
  here wait poddisruptionbudget/migration-task-watch --for=jsonpath='{.status.disruptionsAllowed}'=1 --timeout=60s >/dev/null ||
    fail "the PodDisruptionBudget doesn't let one pod be evicted"
  eventually service_finds_all
  say "the Deployment is available, one pod may be evicted, and the Service finds the metrics of both"
}

service_finds_all() {
  local found
  found=$(here get endpointslices --selector kubernetes.io/service-name=migration-task-watch-metrics \
    --output 'jsonpath={.items[*].ports[*].port} {.items[*].endpoints[*].addresses[*]}')
  [[ $(tr ' ' '\n' <<<"$found" | sort | xargs) == '10.1.0.1 10.1.0.2 8080' ]]
}

# The cluster's own roles are aggregated from those of the chart.
grant_users() {
  there create rolebinding alice --clusterrole=edit --user=alice >/dev/null
  there create rolebinding bob --clusterrole=view --user=bob >/dev/null
  there create rolebinding carol --clusterrole=admin --user=carol >/dev/null
  eventually there auth can-i list mtw --as bob --quiet
  eventually there auth can-i create mtw --as alice --quiet
  eventually there auth can-i create mtw --as carol --quiet
  local user verb allowed
  while read -r user verb allowed; do
    # `can-i` fails for no.
    [[ $(there auth can-i "$verb" mtw --as "$user" || true) == "$allowed" ]] || fail "$user may $verb watches isn't answered by $allowed"
  done <<'TABLE'
alice get yes
alice update yes
alice delete yes
bob watch yes
bob create no
bob patch no
bob delete no
carol list yes
carol patch yes
carol deletecollection yes
dave list no
TABLE
  [[ $(there auth can-i patch mtw --subresource status --as carol || true) == no ]] || fail "an admin may write statuses"
  say "who may view, edit or administer the namespace may do so with its watches"
}

apply_watch() {
  there create secret generic sms --as alice --from-literal accessKey=AKTEST --from-literal secretKey=secret >/dev/null
  there apply --server-side --validate=strict --as alice --filename - >/dev/null <<WATCH
apiVersion: migration-task-watch.dev/v1alpha1
kind: MigrationTaskWatch
metadata: {name: wave-1}
spec: {region: cn-north-4, endpoint: "$endpoint", interval: 5s, credentials: {secretRef: {name: sms}}}
WATCH
}

# The image, with the two files about names that a kubelet mounts.
fill_root() {
  cp -a "$image/." "$1"
  echo "nameserver 127.0.0.1" >"$1/etc/resolv.conf"
  echo "127.0.0.1 localhost" >"$1/etc/hosts"
}

# As the container of the pod, but for the limits: its arguments, environment and volumes, on a root that can't be written to.
run_pod() { # run_pod <pod>
  local chroot
  chroot="$(command -v chroot) $(container_user)"
  mkdir -p "$work/root"
  export programs image
  export -f fill_root
  # shellcheck disable=SC2016 # Expanded by the inner shells.
  unshare --mount bash -euc '
    namespace=$1 pod=$2 root=$3 chroot=$4
    mount -t tmpfs -o mode=755 none "$root"
    fill_root "$root"
    exec "$programs/run-pod" "$namespace" "$pod" "$root" /bin/sh -euc "
      mount -o remount,ro \"\$0\"
      exec setpriv --no-new-privs $chroot \"\$0\" /migration-task-watch \"\$@\"" "$root"
  ' bash "$namespace" "$1" "$work/root" "$chroot" >"$work/$1.log" 2>&1 &
  operator=$!
  pids+=("$operator")
}

answer() { # answer <port> <path> [<address>]
  exec 3<>"/dev/tcp/${3:-127.0.0.1}/$1"
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
  cat <&3
  exec 3<&-
}
succeeds() { answer "$@" | head -n 1 | grep -q ' 200 '; }
metric() { answer "$1" /metrics | grep -qx "$2"; }

of_pod() { here get pod "$1" --output "jsonpath={$2}"; }
port() { of_pod "$1" ".spec.containers[0].ports[?(@.name==\"$2\")].containerPort"; }

# By the probes of the pod, and what the Service leads to.
is_well() { # is_well <pod>
  for probe in livenessProbe readinessProbe; do
    eventually succeeds "$(port "$1" "$(of_pod "$1" ".spec.containers[0].$probe.httpGet.port")")" \
      "$(of_pod "$1" ".spec.containers[0].$probe.httpGet.path")"
  done
  eventually metric "$(port "$1" metrics)" 'migration_task_watch_leader 1'
  # A pod may have addresses of either family.
  if [[ -e /proc/net/if_inet6 ]]; then
    succeeds "$(port "$1" health)" /livez ::1 || fail "health isn't served by IPv6"
    succeeds "$(port "$1" metrics)" /metrics ::1 || fail "metrics aren't served by IPv6"
  fi
  [[ $(here get lease migration-task-watch --output 'jsonpath={.spec.holderIdentity}') == "$1"_* ]] || fail "pod $1 doesn't hold the Lease"
}

operators_work() {
  run_pod "${pods[0]}"
  is_well "${pods[0]}"
  there wait mtw/wave-1 --for=condition=Ready --timeout=60s --as bob >/dev/null || fail "the watch isn't Ready"
  [[ $(there get mtw wave-1 --as bob --output 'jsonpath={.status.summary.total}') == 20 ]] || fail "the watch doesn't see 20 tasks"
  eventually eval "there get events --as bob | grep -q WatchStarted"
  grep -q "^$sms_name 1$" "$work/names.log" || fail "the operator doesn't ask DNS"
  say "the first pod's operator leads, is live and ready, finds SMS by DNS, and makes the watch Ready"

  kill -TERM "$operator"
  wait "$operator" || fail "the operator doesn't end well"
  run_pod "${pods[1]}"
  is_well "${pods[1]}"
  # A change is written at once.
  there patch mtw wave-1 --as alice --type merge --patch '{"spec": {"expectedTasks": 21}}' >/dev/null
  there wait mtw/wave-1 --for=jsonpath='{.status.observedGeneration}'=2 --timeout=60s >/dev/null || fail "the second operator doesn't go on"
  kill -TERM "$operator"
  wait "$operator" || fail "the operator doesn't end well"
  say "the second pod's operator goes on"
}

uninstall() {
  helm uninstall migration-task-watch --namespace "$namespace" >/dev/null
  here wait --for=delete pods --selector "$app" --timeout=60s >/dev/null || fail "pods are left"
  there get mtw wave-1 >/dev/null || fail "the watch is gone with the release"
  eventually eval "! there auth can-i list mtw --as bob --quiet"
  say "helm uninstall removes the pods and the users' rights, and leaves the watch"
}

start_simulator
start_dns
prepare
install
pretend_to_run
grant_users
apply_watch
operators_work
uninstall
