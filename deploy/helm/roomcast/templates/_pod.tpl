{{/* What the pods have in common. */}}

{{- define "roomcast.pod" -}}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "roomcast.user" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "roomcast.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* a new configuration is a new pod */}}
{{- define "roomcast.checksums" -}}
checksum/settings: {{ include (print .Template.BasePath "/settings.yaml") . | sha256sum }}
{{- if not .Values.secrets.existing }}
checksum/secrets: {{ .Values.secrets.values | toYaml | sha256sum }}
{{- end }}
{{- end }}

{{- define "roomcast.redis" -}}
{{- if .Values.valkey.enabled -}}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ include "roomcast.secrets" . }}, key: REDIS_PASSWORD}
- name: REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "roomcast.name" . }}-valkey:6379
{{- else -}}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: {name: {{ include "roomcast.secrets" . }}, key: REDIS_URL}
{{- end }}
{{- end }}
