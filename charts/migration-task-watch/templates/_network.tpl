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
