{{- define "migration-task-watch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of the release's objects; without repeating the chart's name when the release has it. */}}
{{- define "migration-task-watch.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $fullname := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $fullname .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of objects outside of namespaces, so that releases in two namespaces don't collide. */}}
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
