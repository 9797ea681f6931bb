{{/* The container's arguments: the chart's, but for flags that extraArgs has, and then extraArgs. */}}
{{- define "migration-task-watch.arguments" -}}
{{- include "migration-task-watch.checkExtraArgs" . }}
{{- $given := list }}
{{- range .Values.extraArgs }}
{{- $given = append $given (regexFind "^--[^=]+" .) }}
{{- end }}
{{- $kept := list "run" }}
{{- range include "migration-task-watch.ownArguments" . | fromYamlArray }}
{{- if not (has (regexFind "^--[^=]+" .) $given) }}
{{- $kept = append $kept . }}
{{- end }}
{{- end }}
{{- concat $kept .Values.extraArgs | toYaml }}
{{- end }}

{{- define "migration-task-watch.ownArguments" -}}
- {{ printf "--health-addr=%s" .Values.healthAddress | quote }}
- {{ printf "--metrics-addr=%s" .Values.metricsAddress | quote }}
- --log-format={{ .Values.logFormat }}
{{- with .Values.watchNamespaces }}
- {{ printf "--watch-namespace=%s" (uniq . | join ",") | quote }}
{{- end }}
{{- if .Values.secrets.watch }}
- --watch-secrets
{{- end }}
{{- with .Values.allowedEndpoints }}
- {{ printf "--allowed-endpoints=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.allowedCidrs }}
- {{ printf "--allowed-cidrs=%s" (join "," .) | quote }}
{{- end }}
{{- range .Values.ambient.namespaces }}
- {{ printf "--ambient-namespace=%s" . | quote }}
{{- end }}
{{- if include "migration-task-watch.caBundle" . }}
- --ca-file=/etc/migration-task-watch/ca/ca.crt
{{- end }}
{{- with .Values.concurrency }}
- --concurrency={{ int . }}
{{- end }}
{{- with .Values.smsMaxConcurrency }}
- --sms-max-concurrency={{ int . }}
{{- end }}
{{- with .Values.smsQps }}
- --sms-qps={{ . }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --lease-name={{ include "migration-task-watch.leaseName" . }}
{{- with .Values.leaderElection.leaseDuration }}
- --lease-duration={{ . }}
{{- end }}
{{- with .Values.leaderElection.renewDeadline }}
- --renew-deadline={{ . }}
{{- end }}
{{- with .Values.leaderElection.retryPeriod }}
- --retry-period={{ . }}
{{- end }}
{{- end }}
{{- if not (kindIs "invalid" .Values.statusWriteRate) }}
- {{ printf "--status-write-rate=%v" .Values.statusWriteRate | quote }}
{{- end }}
{{- end }}

{{/* Rights, ports and the strategy follow from some values, and not from arguments. */}}
{{- define "migration-task-watch.checkExtraArgs" -}}
{{- $values := dict "--health-addr" "healthAddress" "--metrics-addr" "metricsAddress" "--watch-namespace" "watchNamespaces"
  "--watch-secrets" "secrets.watch" "--leader-elect" "leaderElection.enabled" "--lease-name" "leaderElection.leaseName" }}
{{- range .Values.extraArgs }}
{{- $flag := regexFind "^--[^=]+" . }}
{{- if hasKey $values $flag }}
{{- fail (printf "extraArgs can't have %s, on which other parts of the chart depend: set %s" $flag (get $values $flag)) }}
{{- end }}
{{- end }}
{{- end }}
