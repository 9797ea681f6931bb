{{/* A name that isn't too long. One that is cut ends with a hash of all of it, so that names that differ at their ends stay apart. Called
with the text and the length. */}}
{{- define "migration-task-watch.cut" -}}
{{- $text := first . }}
{{- $longest := last . }}
{{- if gt (len $text) $longest }}
{{- printf "%s-%s" ($text | trunc (int (sub $longest 9)) | trimSuffix "-") (sha256sum $text | trunc 8) }}
{{- else }}
{{- $text }}
{{- end }}
{{- end }}

{{- define "migration-task-watch.name" -}}
{{- default .Chart.Name .Values.nameOverride }}
{{- end }}

{{/* Names of the release's objects; without repeating the chart's name when the release has it. A release may have dots in its name, or begin
with a digit; a Service may not. */}}
{{- define "migration-task-watch.fullname" -}}
{{- $name := include "migration-task-watch.name" . }}
{{- $release := .Release.Name | replace "." "-" }}
{{- $fullname := contains $name $release | ternary $release (printf "%s-%s" $release $name) }}
{{- $fullname = regexMatch "^[a-z]" $fullname | ternary $fullname (printf "%s-%s" $name $release) }}
{{- include "migration-task-watch.cut" (list (default $fullname .Values.fullnameOverride) 63) }}
{{- end }}

{{/* The name of one more object of a kind. Called with the context and what it ends with. */}}
{{- define "migration-task-watch.nameWith" -}}
{{- $end := last . }}
{{- printf "%s-%s" (include "migration-task-watch.cut" (list (include "migration-task-watch.fullname" (first .)) (int (sub 62 (len $end))))) $end }}
{{- end }}

{{/* Names of objects outside of the release's namespace, so that releases in two namespaces don't collide. */}}
{{- define "migration-task-watch.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "migration-task-watch.fullname" .) }}
{{- end }}

{{- define "migration-task-watch.serviceAccountName" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "migration-task-watch.fullname" .) "default" }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{/* The Lease that operators of this release compete for. */}}
{{- define "migration-task-watch.leaseName" -}}
{{- default (include "migration-task-watch.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}
