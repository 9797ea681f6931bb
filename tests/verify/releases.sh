#!/usr/bin/env bash
# Installs the chart by all kinds of names and as a dependency into the cluster of KUBECONFIG, a new one: releases.sh <chart>
set -euo pipefail

chart=$(cd "$1" && pwd)
namespace=releases
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "error: $*" >&2; exit 1; }
# All kinds of objects, but for the definition, of which there is one.
everything=crds.enabled=false,dashboards.enabled=true,networkPolicy.enabled=true,prometheusRule.enabled=true,metrics.serviceMonitor.enabled=true
install() { # install <release> [<option>...]
  local release=$1
  shift
  helm install "$release" "$chart" --namespace "$namespace" --set "$everything" "$@" >/dev/null || fail "release $release isn't installed with $*"
}
rendered() { helm template watch "$chart" "$@"; }
# A field of the Deployment's container.
container() { # container <field> [<option>...]
  local field=$1
  shift
  rendered --show-only templates/deployment.yaml "$@" |
    kubectl create --dry-run=client --filename - --output "jsonpath={range .spec.template.spec.containers[0]$field}{@}{\"\\n\"}{end}"
}

# 53 characters are the most that helm takes.
any_release_name_installs() {
  local long=a2345678901234567890123456789012345678901234567890123
  for release in 2026-wave wave.prod 1.2.3 migration-task-watch 2026-migration-task-watch "${long%3}1" "${long%3}2"; do
    install "$release"
  done
  # By the whole of their names, those that are cut are told apart.
  install first --set "fullnameOverride=${long}-${long}-1"
  install second --set "fullnameOverride=${long}-${long}-2"
  [[ $(kubectl --namespace "$namespace" get deployments,services,configmaps --selector app.kubernetes.io/component=operator --output name | sort -u | wc -l) == 27 ]] ||
    fail "nine releases don't have a Deployment, a Service and a ConfigMap each"
  echo "  any name of a release installs; long names that differ at the end are kept apart"
}

# Before anything is created, since helm looks at what is there first.
names_that_collide_are_refused() {
  if helm install wave-prod "$chart" --namespace "$namespace" --set "$everything" >/dev/null 2>"$work/refusal"; then
    fail "a second release takes the objects of wave.prod"
  fi
  grep -q 'wave.prod' "$work/refusal" || fail "helm doesn't name the release that has the objects: $(cat "$work/refusal")"
  [[ -z $(kubectl --namespace "$namespace" get all,serviceaccounts,roles --selector app.kubernetes.io/instance=wave-prod --output name) ]] ||
    fail "the refused release has created something"
  echo "  a name that means the same as another's is refused"
}

# What the schema leaves to the API server.
kubernetes_judges_its_own() {
  kubectl create namespace other >/dev/null
  while read -r values; do
    if helm install other "$chart" --namespace other --set "$everything" --values <(echo "$values") >"$work/refusal" 2>&1; then
      fail "the API server takes $values"
    fi
    grep -qE 'unknown field|field not declared' "$work/refusal" || fail "$values are refused for another reason: $(cat "$work/refusal")"
    helm uninstall other --namespace other --ignore-not-found >/dev/null
  done <<'TABLE'
extraVolumes: [{name: a, secret: {name: a}}]
extraEnv: [{name: A, valueFrom: {fieldRef: {path: metadata.name}}}]
extraVolumeMounts: [{name: a, mountpath: /a}]
affinity: {nodeAfinity: {}}
tolerations: [{key: a, efect: NoSchedule}]
securityContext: {runAsUsr: 1}
TABLE
  echo "  a typo in what is Kubernetes' own is refused by the API server"
  # Fields that came after the oldest version.
  rendered --values <(cat <<'VALUES'
extraEnv: [{name: A, valueFrom: {fileKeyRef: {volumeName: scratch, path: a.env, key: A}}}]
extraVolumes:
  - {name: scratch, emptyDir: {}}
  - {name: model, image: {reference: registry.example.com/data:1, pullPolicy: IfNotPresent}}
  - {name: own, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}
extraVolumeMounts: [{name: scratch, mountPath: /scratch, recursiveReadOnly: Disabled}]
podSecurityContext: {supplementalGroupsPolicy: Strict}
securityContext: {appArmorProfile: {type: RuntimeDefault}}
VALUES
  ) --show-only templates/deployment.yaml | kubectl create --namespace default --dry-run=server --validate=strict --filename - >/dev/null
  echo "  fields of newer versions aren't refused"
}

works_as_a_dependency() {
  mkdir "$work/umbrella"
  cat >"$work/umbrella/Chart.yaml" <<CHART
apiVersion: v2
name: umbrella
version: 1.0.0
dependencies:
  - name: migration-task-watch
    version: ">=0.0.0-0"
    repository: file://$chart
    condition: migration-task-watch.enabled
CHART
  cat >"$work/umbrella/values.yaml" <<'VALUES'
global: {imageRegistry: mirror.example.com:5000, imagePullSecrets: [mirror, {name: other}], somebody: {else: 1}}
migration-task-watch: {enabled: true, crds: {enabled: false}, imagePullSecrets: [{name: other}], nodeSelector: {disk: ssd}}
VALUES
  helm dependency build "$work/umbrella" >/dev/null
  helm install umbrella "$work/umbrella" --namespace "$namespace" >/dev/null
  pod() { kubectl --namespace "$namespace" get deployment umbrella-migration-task-watch --output "jsonpath={.spec.template.spec$1}"; }
  version=$(sed -n 's/^appVersion: //p' "$chart/Chart.yaml")
  [[ $(pod '.containers[0].image') == "mirror.example.com:5000/migration-task-watch/migration-task-watch:$version" ]] || fail "the image is $(pod '.containers[0].image')"
  [[ $(pod .imagePullSecrets) == '[{"name":"mirror"},{"name":"other"}]' ]] || fail "the pull secrets are $(pod .imagePullSecrets)"
  [[ $(pod .nodeSelector) == '{"disk":"ssd","kubernetes.io/os":"linux"}' ]] || fail "the node selector is $(pod .nodeSelector)"
  helm template umbrella "$work/umbrella" --set migration-task-watch.enabled=false >"$work/disabled.yaml"
  if grep '^kind:' "$work/disabled.yaml"; then fail "a condition that is false installs something"; fi
  echo "  it is a dependency, with a condition, and values for all charts"
}

# Labels have 63 characters, and neither they nor tags have a plus.
any_version_installs() {
  cp -r "$chart" "$work/built"
  local image build=20261201.build.0123456789abcdef0123456789abcdef0123456789abcdef.-.-
  sed -i -E "s/^(version|appVersion): (.*)$/\1: \2-rc.1+$build/" "$work/built/Chart.yaml"
  chart=$work/built install built
  image=$(kubectl --namespace "$namespace" get deployment built-migration-task-watch --output 'jsonpath={.spec.template.spec.containers[0].image}')
  [[ $image != *+* ]] || fail "the image's tag has a plus: $image"
  echo "  a version with a long build suffix installs"
}

tags_are_as_written() {
  local tag
  for tag in 2 20261201 1.10 007 v1; do
    [[ $(container .image --set "image.tag=$tag") == *":$tag" ]] || fail "--set image.tag=$tag makes $(container .image --set "image.tag=$tag")"
  done
  echo "  the image's tag is that which --set has"
}

what_is_given_replaces_the_charts() {
  local arguments
  cat >"$work/values.yaml" <<'VALUES'
extraArgs: [--log-format=text, --sms-qps, "5"]
extraEnv: [{name: MALLOC_ARENA_MAX, value: "2"}, {name: HTTPS_PROXY, value: http://b.example.com}, {name: RUST_LOG, value: trace}, {name: OWN, value: a}]
smsQps: 1
logLevel: debug
proxy: {https: "http://a.example.com"}
podSecurityContext: {fsGroup: 1, seccompProfile: null}
securityContext: {readOnlyRootFilesystem: false}
nodeSelector: {kubernetes.io/os: null}
livenessProbe: {periodSeconds: 30}
VALUES
  found() {
    rendered --values "$work/values.yaml" --show-only templates/deployment.yaml | kubectl create --dry-run=client --filename - --output "jsonpath=$1"
  }
  arguments=$(found '{.spec.template.spec.containers[0].args}')
  [[ $arguments == '["run","--health-addr=:8081","--metrics-addr=:8080","--leader-elect","--lease-name=watch-migration-task-watch","--log-format=text","--sms-qps","5"]' ]] ||
    fail "the arguments are $arguments"
  arguments=$(found '{range .spec.template.spec.containers[0].env[*]}{.name}={.value} {end}')
  [[ $arguments == 'POD_NAME= POD_NAMESPACE= MALLOC_MMAP_THRESHOLD_=131072 MALLOC_ARENA_MAX=2 HTTPS_PROXY=http://b.example.com RUST_LOG=trace OWN=a ' ]] ||
    fail "the variables are $arguments"
  arguments=$(found '{.spec.template.spec.securityContext} {.spec.template.spec.containers[0].securityContext} {.spec.template.spec.nodeSelector}')
  [[ $arguments == '{"fsGroup":1,"runAsNonRoot":true} {"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":false} ' ]] ||
    fail "the security contexts and the node selector are $arguments"
  [[ $(found '{.spec.template.spec.containers[0].livenessProbe}') == '{"httpGet":{"path":"/livez","port":"health"},"periodSeconds":30}' ]] || fail "the probe differs"
  echo "  extraArgs and extraEnv replace what they repeat; contexts, probes and the node selector are merged"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubectl apply --server-side --filename "$here/monitoring" >/dev/null
kubectl wait --for=condition=Established --timeout=60s --filename "$here/monitoring" >/dev/null
kubectl create namespace "$namespace" >/dev/null
tags_are_as_written
what_is_given_replaces_the_charts
any_release_name_installs
names_that_collide_are_refused
works_as_a_dependency
any_version_installs
kubernetes_judges_its_own
