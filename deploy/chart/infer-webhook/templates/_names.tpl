{{- define "infer-webhook.selector" -}}
app.kubernetes.io/name: infer-webhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "infer-webhook.labels" -}}
{{ include "infer-webhook.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "infer-webhook.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "infer-webhook.secret" -}}
{{ .Values.certificates.secretName | default (printf "%s-certificate" .Release.Name) }}
{{- end }}

{{- define "infer-webhook.priorityClass" -}}
{{ if .Values.priorityClass.create }}{{ .Release.Name }}{{ else }}{{ .Values.priorityClass.name }}{{ end }}
{{- end }}
