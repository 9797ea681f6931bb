{{/* The container's variables: the chart's, but for those that extraEnv has, and then extraEnv. */}}
{{- define "migration-task-watch.environment" -}}
{{- $given := list }}
{{- range .Values.extraEnv }}
{{- if has .name $given }}
{{- fail (printf "extraEnv has %s twice" .name) }}
{{- end }}
{{- $given = append $given .name }}
{{- end }}
{{- $kept := list }}
{{- range include "migration-task-watch.ownEnvironment" . | fromYamlArray }}
{{- if not (has .name $given) }}
{{- $kept = append $kept . }}
{{- end }}
{{- end }}
{{- concat $kept .Values.extraEnv | toYaml }}
{{- end }}

{{- define "migration-task-watch.ownEnvironment" -}}
# The operator's name in events, and in the Lease.
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
# Where the Lease is.
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
# One heap for all threads holds a tenth less memory, at no cost with so few of them.
- name: MALLOC_ARENA_MAX
  value: "1"
# What holds a page of tasks is given back once it is read: a sixth less memory, a tenth more time for a listing.
- name: MALLOC_MMAP_THRESHOLD_
  value: "131072"
{{- with .Values.logLevel }}
# Of the operator itself; its libraries say no more than warnings.
- name: RUST_LOG
  value: {{ eq . "off" | ternary "off" (printf "warn,migration_task_watch=%s" .) | quote }}
{{- end }}
{{- include "migration-task-watch.proxy" . }}
{{- end }}

{{/* The proxy, as environment variables. */}}
{{- define "migration-task-watch.proxy" }}
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
