{{/* All that the operator may do. */}}
{{- define "migration-task-watch.rules" -}}
{{ .Files.Get "files/rbac-rules.yaml" | trim }}
{{- if .Values.secrets.watch }}
{{ .Files.Get "files/rbac-rules-secrets-watch.yaml" | trim }}
{{- end }}
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
