{{- define "migration-task-watch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "migration-task-watch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "migration-task-watch.labels" -}}
{{- include "migration-task-watch.labelsWith" (list . dict) }}
{{- end }}

{{/* Those of all objects, those of one, and the chart's own, which nothing replaces. Called with the context and those of one. */}}
{{- define "migration-task-watch.labelsWith" -}}
{{- $own := include "migration-task-watch.ownLabels" (first .) | fromYaml }}
{{- mergeOverwrite (deepCopy (first .).Values.commonLabels) (last .) $own | toYaml }}
{{- end }}

{{- define "migration-task-watch.ownLabels" -}}
{{ include "migration-task-watch.selectorLabels" . }}
app.kubernetes.io/version: {{ include "migration-task-watch.labelValue" .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "migration-task-watch.labelValue" (printf "%s-%s" .Chart.Name .Chart.Version) | quote }}
{{- end }}

{{/* A version as a label's value: without the + before a build, and not too long. */}}
{{- define "migration-task-watch.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9]+$" (. | replace "+" "_" | trunc 63) "" }}
{{- end }}
