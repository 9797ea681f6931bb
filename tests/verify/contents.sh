#!/usr/bin/env bash
# Looks at what the chart renders to which no API server would object, with that of KUBECONFIG: contents.sh <chart>
set -euo pipefail

chart=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }

# The ports by which SMS may be called with some values.
sms_ports() {
  helm template watch "$chart" --show-only templates/networkpolicy.yaml --set networkPolicy.enabled=true --values <(echo "$1") |
    sed -nE '/# SMS and IAM/,$s/^ *- port: //p' | xargs
}

# Without any there must be no rule at all: one without ports allows all of them.
policy_has_the_ports() {
  while read -r expected values; do
    ports=$(sms_ports "$values")
    [[ ${ports:-none} == "${expected//,/ }" ]] || fail "SMS may be called by port ${ports:-none}, not $expected, with $values"
  done <<'TABLE'
443       {}
443       {allowedEndpoints: ["https://sms.*.myhuaweicloud.com", "https://iam.example.com"]}
443,8443  {allowedEndpoints: ["https://sms.example.com", "https://iam.example.com:8443", "https://sms.example.com:8443"]}
8443      {allowedEndpoints: ["https://[2001:db8::1]:8443", "http://127.0.0.1:*"]}
443       {allowedEndpoints: ["https://[2001:db8::1]"]}
none      {allowedEndpoints: ["http://127.0.0.1:*"]}
3128      {proxy: {https: "http://proxy.example.com:3128"}}
3128      {proxy: {https: "http://user:123@proxy.example.com:3128/"}}
80        {proxy: {https: "http://proxy.example.com"}}
443       {proxy: {https: "https://proxy.example.com/"}}
3128,443  {proxy: {https: "http://proxy.example.com:3128", noProxy: sms.example.com}}
1234      {networkPolicy: {sms: {ports: [1234]}}, proxy: {secretRef: {name: proxy}}, allowedEndpoints: ["https://127.0.0.1:*"]}
443,80    {ambient: {namespaces: [team-a]}}
TABLE
  echo "  the NetworkPolicy has the ports of SMS, or of the proxy"
}

# Also where OpenShift's answers.
policy_has_dns() {
  local ports
  ports=$(helm template watch "$chart" --show-only templates/networkpolicy.yaml --set networkPolicy.enabled=true |
    sed -nE '/# DNS/,/# The API server/s/^ *- \{port: ([0-9]+), protocol: ([A-Z]+)\}$/\1\/\2/p' | xargs)
  [[ $ports == '53/UDP 53/TCP 5353/UDP 5353/TCP' ]] || fail "DNS may be asked by $ports"
  echo "  and those of DNS"
}

# On a copy of the chart with dashboards of the test's own.
dashboards_are_as_their_files() {
  local copy=$work/chart dashboards=(--show-only templates/dashboards.yaml --set dashboards.enabled=true)
  cp -r "$chart" "$copy"
  rm -rf "$copy/files/dashboards"
  if helm template watch "$copy" "${dashboards[@]}" >/dev/null 2>&1; then fail "a ConfigMap without dashboards is rendered"; fi
  mkdir "$copy/files/dashboards"
  printf '{"legend": "{{namespace}} {{ .Values.replicas }}",\n  "query": "a{b=\\"c\\"}", "é": "\\\\d"}\n' >"$copy/files/dashboards/operator.json"
  printf '{}' >"$copy/files/dashboards/waves.json"
  helm template watch "$copy" "${dashboards[@]}" >"$work/rendered.yaml"
  for file in "$copy"/files/dashboards/*; do
    kubectl create --dry-run=client --filename "$work/rendered.yaml" --output "jsonpath={.data.$(basename "$file" .json)\\.json}" |
      cmp - "$file" || fail "the ConfigMap changes $(basename "$file")"
  done
  grep -q '^    grafana_dashboard: "1"$' "$work/rendered.yaml" || fail "the dashboards' ConfigMap lacks its label"
  if helm template watch "$copy" --show-only templates/dashboards.yaml >/dev/null 2>&1; then
    fail "dashboards are rendered by default"
  fi
  echo "  dashboards are rendered as they are"
}

# For those who have no rights on the cluster.
nothing_is_cluster_wide() {
  if helm template watch "$chart" --set 'watchNamespaces={team-a},crds.enabled=false,userRoles.create=false' |
    grep -E '^kind: (Cluster|CustomResource)'; then
    fail "with these values nothing should be outside of a namespace, see above"
  fi
  echo "  all can be within namespaces"
}

policy_has_the_ports
policy_has_dns
nothing_is_cluster_wide
dashboards_are_as_their_files
