{{- define "migration-task-watch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of the release's objects; without repeating the chart's name when the release has it. */}}
{{- define "migration-task-watch.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $fullname := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $fullname .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of objects outside of the release's namespace, so that releases in two namespaces don't collide. */}}
{{- define "migration-task-watch.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "migration-task-watch.fullname" .) }}
{{- end }}

{{- define "migration-task-watch.serviceAccountName" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "migration-task-watch.fullname" .) "default" }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{- define "migration-task-watch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "migration-task-watch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "migration-task-watch.labels" -}}
{{ include "migration-task-watch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "migration-task-watch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* All that the operator may do. */}}
{{- define "migration-task-watch.rules" -}}
{{ .Files.Get "files/rbac-rules.yaml" | trim }}
{{- if .Values.secrets.watch }}
{{ .Files.Get "files/rbac-rules-secrets-watch.yaml" | trim }}
{{- end }}
{{- end }}

{{/* The Lease that operators of this release compete for. */}}
{{- define "migration-task-watch.leaseName" -}}
{{- default (include "migration-task-watch.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{/* What the election adds, in the release's namespace. */}}
{{- define "migration-task-watch.leaseRules" -}}
{{- $names := list (include "migration-task-watch.leaseName" .) }}
{{- $rules := .Files.Get "files/rbac-rules-lease.yaml" | fromYamlArray }}
{{- range $rules }}
{{- if .resourceNames }}
{{- $_ := set . "resourceNames" $names }}
{{- end }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{/* Who may do it. */}}
{{- define "migration-task-watch.subjects" -}}
- kind: ServiceAccount
  name: {{ include "migration-task-watch.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* Where the certificates of caBundle are read from, as a volume's source; nothing without any. */}}
{{- define "migration-task-watch.caBundle" -}}
{{- with .Values.caBundle }}
{{- if and .configMap .secret }}
{{- fail "caBundle takes a configMap or a secret, not both" }}
{{- end }}
{{- $items := list (dict "key" .key "path" "ca.crt") }}
{{- if .configMap }}
{{- dict "configMap" (dict "name" .configMap "items" $items) | toYaml }}
{{- else if .secret }}
{{- dict "secret" (dict "secretName" .secret "items" $items) | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/* The proxy, as environment variables. */}}
{{- define "migration-task-watch.proxy" -}}
{{- with .Values.proxy }}
{{- if and .https .secretRef.name }}
{{- fail "proxy takes https or a secretRef, not both" }}
{{- end }}
{{- if .secretRef.name }}
- name: HTTPS_PROXY
  valueFrom:
    secretKeyRef:
      name: {{ .secretRef.name | quote }}
      key: {{ .secretRef.key | quote }}
{{- else if .https }}
- name: HTTPS_PROXY
  value: {{ .https | quote }}
{{- end }}
{{- if .noProxy }}
- name: NO_PROXY
  value: {{ .noProxy | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where replicas prefer not to be together. */}}
{{- define "migration-task-watch.spread" -}}
{{- $selector := dict "matchLabels" (include "migration-task-watch.selectorLabels" . | fromYaml) }}
{{- $constraints := list }}
{{- range .Values.topologySpreadConstraints }}
{{- $constraints = append $constraints (merge (deepCopy .) (dict "labelSelector" $selector)) }}
{{- end }}
{{- if $constraints }}
{{- toYaml $constraints }}
{{- end }}
{{- end }}

{{/* How a monitor scrapes /metrics. Called with its values. */}}
{{- define "migration-task-watch.scrape" -}}
- port: metrics
  # The label namespace of a metric is its watch's: without this it would be renamed, and replaced by the operator's.
  honorLabels: true
  {{- with .interval }}
  interval: {{ . | quote }}
  {{- end }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . | quote }}
  {{- end }}
  {{- with .relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The ports by which SMS and IAM are reached, as JSON: those given, or else those of the endpoints and of the proxy. */}}
{{- define "migration-task-watch.smsPorts" -}}
{{- $ports := .Values.networkPolicy.sms.ports }}
{{- if not $ports }}
{{- $proxy := .Values.proxy }}
{{- if $proxy.secretRef.name }}
{{- fail "networkPolicy can't see the port of a proxy in a Secret: set networkPolicy.sms.ports" }}
{{- end }}
{{- if $proxy.https }}
{{- $ports = list (include "migration-task-watch.port" $proxy.https) }}
{{- end }}
{{- /* By a proxy, but for what noProxy names. */}}
{{- if or (not $proxy.https) $proxy.noProxy }}
{{- range default (list "https://") .Values.allowedEndpoints }}
{{- /* Unencrypted endpoints are in the pod itself. */}}
{{- if hasPrefix "https://" . }}
{{- $ports = append $ports (include "migration-task-watch.port" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "*" $ports }}
{{- fail "networkPolicy can't allow any port, as an endpoint of allowedEndpoints does: set networkPolicy.sms.ports" }}
{{- end }}
{{- end }}
{{- uniq $ports | toJson }}
{{- end }}

{{/* The port of a URL, which may be *. */}}
{{- define "migration-task-watch.port" -}}
{{- $given := regexFind ":([0-9]+|[*])/?$" . | trimPrefix ":" | trimSuffix "/" }}
{{- default (hasPrefix "http:" . | ternary "80" "443") $given }}
{{- end }}
