{{- define "migration-task-watch.image" -}}
{{- $repository := include "migration-task-watch.repository" . }}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ include "migration-task-watch.tag" . }}
{{- end }}
{{- end }}

{{/* The image's repository: in global.imageRegistry, in place of its own registry, where that is set. */}}
{{- define "migration-task-watch.repository" -}}
{{- $repository := .Values.image.repository }}
{{- with (default dict .Values.global).imageRegistry }}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") }}
{{- end }}
{{- $repository }}
{{- end }}

{{/* YAML takes a tag such as 1.10 for the number 1.1; --set takes none but whole numbers for such, and these as they are. */}}
{{- define "migration-task-watch.tag" -}}
{{- if kindIs "float64" .Values.image.tag }}
{{- fail "image.tag is a number, of which the spelling is lost: put it in quotes, as in tag: \"1.10\"" }}
{{- end }}
{{- default (.Chart.AppVersion | replace "+" "_") (toString .Values.image.tag) }}
{{- end }}

{{/* Those for all charts of a release, and those of this one. */}}
{{- define "migration-task-watch.imagePullSecrets" -}}
{{- $secrets := list }}
{{- range concat (default list (default dict .Values.global).imagePullSecrets) .Values.imagePullSecrets }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- if $secrets }}
{{- uniq $secrets | toYaml }}
{{- end }}
{{- end }}
