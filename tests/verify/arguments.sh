#!/usr/bin/env bash
# Shows that the operator takes the arguments that the chart makes of values at their bounds: arguments.sh <chart> <the operator's program>
# The other side of the bounds is in refused.txt. KUBECONFIG names a cluster, for kubectl alone.
set -euo pipefail

chart=$1
operator=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Without a cluster, which is what it looks for once it has read all of them.
takes() { # takes <argument>...
  KUBECONFIG=$work/none env --unset KUBERNETES_SERVICE_HOST HOME="$work" "$operator" "$@" >"$work/said" 2>&1 && return 1
  grep -qi 'cluster\|kubeconfig' "$work/said"
}

container=".spec.template.spec.containers[0]"
found() { kubectl create --dry-run=client --filename "$work/deployment.yaml" --output "jsonpath=$1"; }

count=0
while read -r values; do
  echo "$values" >"$work/values.yaml"
  helm template watch "$chart" --values "$work/values.yaml" --show-only templates/deployment.yaml >"$work/deployment.yaml"
  found "{range $container.args[*]}{@}{\"\\n\"}{end}" >"$work/arguments"
  mapfile -t arguments <"$work/arguments"
  HTTPS_PROXY=$(found "{$container.env[?(@.name==\"HTTPS_PROXY\")].value}") POD_NAMESPACE=default takes "${arguments[@]}" || { echo "error: the operator refuses $values: $(cat "$work/said")" >&2; exit 1; }
  count=$((count + 1))
done <<'TABLE'
{}
{healthAddress: "0.0.0.0:1", metricsAddress: "[::]:65535"}
leaderElection: {leaseDuration: 1h, renewDeadline: 59m59.5s, retryPeriod: 10ms}
leaderElection: {leaseDuration: 1s, renewDeadline: 999ms, retryPeriod: 0.8s}
leaderElection: {leaseDuration: 11s}
leaderElection: {renewDeadline: 2401ms}
{concurrency: 65535, smsMaxConcurrency: 1}
smsQps: 0.01
smsQps: "10000"
smsQps: "0.1"
statusWriteRate: 0
statusWriteRate: 1024
statusWriteRate: 1073741824
statusWriteRate: 1GiB
statusWriteRate: 0.5mb
statusWriteRate: "off"
allowedCidrs: [0.0.0.0/0, 10.0.0.0/8, 10.255.255.255/32, 169.254.169.254, "fd00::/8", "2001:db8::1/128"]
allowedEndpoints: ["https://sms.*.example.com", "https://sms.example.com:*", "https://[2001:db8::1]:8443", "http://127.0.0.1:*", "http://localhost:80", "http://[::1]:1"]
allowedEndpoints: ["https://10.0.0.1", "https://sms.*", "https://3com.example.com:65535", "https://münchen.example.com"]
proxy: {https: "http://proxy"}
proxy: {https: "http://user:p%40ss@proxy.example.com:65535/"}
proxy: {https: "https://[2001:db8::1]:3128"}
{watchNamespaces: [a, b], ambient: {namespaces: [a, "b"]}, secrets: {watch: true}}
TABLE
echo "  the operator takes $count values at their bounds"
