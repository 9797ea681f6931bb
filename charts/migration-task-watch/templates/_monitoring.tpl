{{/* How a monitor scrapes /metrics. Called with its values. */}}
{{- define "migration-task-watch.scrape" -}}
- port: metrics
  # The label namespace of a metric is its watch's: without this it would be renamed, and replaced by the operator's.
  honorLabels: true
  {{- with .interval }}
  interval: {{ . | quote }}
  {{- end }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . | quote }}
  {{- end }}
  {{- with .relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
