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

{{/* A probe. Called with its path and its timings. */}}
{{- define "migration-task-watch.probe" -}}
{{- $request := dict "httpGet" (dict "path" (index . 0) "port" "health") }}
{{- mergeOverwrite (deepCopy (index . 1)) $request | toYaml }}
{{- end }}

{{/* How pods are replaced, unless strategy says otherwise. */}}
{{- define "migration-task-watch.strategy" -}}
{{- if .Values.strategy }}
{{- toYaml .Values.strategy }}
{{- else if .Values.leaderElection.enabled -}}
type: RollingUpdate
rollingUpdate:
  # A new one stands by before an old one hands over.
  maxSurge: 1
  maxUnavailable: 0
{{- else -}}
# One operator at a time: two would write the same status.
type: Recreate
{{- end }}
{{- end }}
