{{/* What values.schema.json can't say of values, and the operator, or Kubernetes, would refuse when all is created. */}}
{{- define "migration-task-watch.checks" -}}
{{- if hasKey .Values "enabled" | and (not .Values.enabled) }}
{{- fail "enabled=false is for a chart that has this one as a dependency, with condition: migration-task-watch.enabled" }}
{{- end }}
{{- include "migration-task-watch.checkElection" . }}
{{- include "migration-task-watch.checkAddresses" . }}
{{- include "migration-task-watch.checkWriteRate" . }}
{{- include "migration-task-watch.checkPort" .Values.proxy.https }}
{{- range .Values.allowedEndpoints }}
{{- include "migration-task-watch.checkPort" . }}
{{- if regexMatch "^https://[*.0-9-]*[*][*.0-9-]*(:|/|$)" . }}
{{- fail (printf "allowedEndpoints has %s, which names nothing but a form of hosts" .) }}
{{- end }}
{{- end }}
{{- range .Values.allowedCidrs }}
{{- include "migration-task-watch.checkCidr" . }}
{{- end }}
{{- end }}

{{- define "migration-task-watch.checkElection" -}}
{{- $election := .Values.leaderElection }}
{{- if and (not $election.enabled) (gt (int .Values.replicas) 1) }}
{{- fail "leaderElection.enabled=false takes replicas=1: two operators would work on the same watches" }}
{{- end }}
{{- if and (not $election.enabled) (ne (default "Recreate" .Values.strategy.type) "Recreate") }}
{{- fail "leaderElection.enabled=false takes strategy.type=Recreate: two operators would work on the same watches" }}
{{- end }}
{{- $lease := include "migration-task-watch.seconds" (default "15s" $election.leaseDuration) | float64 }}
{{- $renew := include "migration-task-watch.seconds" (default "10s" $election.renewDeadline) | float64 }}
{{- $retry := include "migration-task-watch.seconds" (default "2s" $election.retryPeriod) | float64 }}
{{- if or (lt $lease 1.0) (gt $lease 3600.0) (ne $lease (floor $lease)) }}
{{- fail "leaderElection.leaseDuration takes whole seconds, from 1s to 1h" }}
{{- end }}
{{- if ge $renew $lease }}
{{- fail "leaderElection.leaseDuration (default: 15s) must be longer than renewDeadline (default: 10s)" }}
{{- end }}
{{- if ge (mulf 1.2 $retry) $renew }}
{{- fail "leaderElection.renewDeadline (default: 10s) must be longer than 1.2 times retryPeriod (default: 2s)" }}
{{- end }}
{{- if lt $retry 0.01 }}
{{- fail "leaderElection.retryPeriod must be at least 10ms" }}
{{- end }}
{{- end }}

{{/* A duration such as 1m30s in seconds. */}}
{{- define "migration-task-watch.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 }}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 }}
{{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[a-z]+$" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{- define "migration-task-watch.checkAddresses" -}}
{{- $health := include "migration-task-watch.portOf" .Values.healthAddress | int }}
{{- $metrics := include "migration-task-watch.portOf" .Values.metricsAddress | int }}
{{- range list $health $metrics }}
{{- if or (lt . 1) (gt . 65535) }}
{{- fail "healthAddress and metricsAddress take ports from 1 to 65535" }}
{{- end }}
{{- end }}
{{- if eq $health $metrics }}
{{- fail "healthAddress and metricsAddress take two ports" }}
{{- end }}
{{- if regexMatch "^(127[.]|\\[::1\\])" .Values.healthAddress }}
{{- fail "healthAddress must be one that the kubelet reaches for its probes, so no loopback address" }}
{{- end }}
{{- end }}

{{/* The port of an address to listen at. */}}
{{- define "migration-task-watch.portOf" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

{{/* That of a URL, which may be *. */}}
{{- define "migration-task-watch.checkPort" -}}
{{- $port := include "migration-task-watch.port" . }}
{{- if ne $port "*" }}
{{- if or (lt (int $port) 1) (gt (int $port) 65535) }}
{{- fail (printf "the port %s of a proxy or an endpoint isn't one from 1 to 65535" $port) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "migration-task-watch.checkWriteRate" -}}
{{- $rate := .Values.statusWriteRate }}
{{- if not (or (kindIs "invalid" $rate) (eq (toString $rate) "off")) }}
{{- $factors := dict "" 1.0 "k" 1e3 "m" 1e6 "g" 1e9 "ki" 1024.0 "mi" 1048576.0 "gi" 1073741824.0 }}
{{- $text := toString $rate | lower | trimSuffix "b" }}
{{- $bytes := float64 $rate }}
{{- if kindIs "string" $rate }}
{{- $bytes = mulf (regexFind "^[0-9.]+" $text | float64) (get $factors (regexFind "[a-z]*$" $text)) }}
{{- end }}
{{- if and (ne $bytes 0.0) (or (lt $bytes 1024.0) (gt $bytes 1073741824.0)) }}
{{- fail "statusWriteRate takes 1KiB to 1GiB; 0 and off are no bound" }}
{{- end }}
{{- end }}
{{- end }}

{{/* An IPv4 network must be the first address of its own. */}}
{{- define "migration-task-watch.checkCidr" -}}
{{- $parts := regexSplit "[./]" . -1 }}
{{- if and (not (contains ":" .)) (eq (len $parts) 5) }}
{{- $address := 0 }}
{{- range initial $parts }}
{{- $address = add (mul $address 256) (int .) }}
{{- end }}
{{- $size := 1 }}
{{- range until (int (sub 32 (int (last $parts)))) }}
{{- $size = mul $size 2 }}
{{- end }}
{{- if mod $address $size }}
{{- fail (printf "allowedCidrs has %s, which isn't the first address of its network" .) }}
{{- end }}
{{- end }}
{{- end }}
