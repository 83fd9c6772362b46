{{- define "apphealth.labels" -}}
app.kubernetes.io/name: apphealth
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of replicas of an operator for one namespace each, so that several releases are told apart. */}}
{{- define "apphealth.selector" -}}
app.kubernetes.io/name: apphealth
{{- end }}

{{- define "apphealth.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The rules of the first document of a file with a role. */}}
{{- define "apphealth.rules" -}}
{{ (first (splitList "\n---\n" (.Files.Get .File)) | fromYaml).rules | toYaml }}
{{- end }}

{{- define "apphealth.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "apphealth.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
