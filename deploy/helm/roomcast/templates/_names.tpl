{{/* What the objects of a release are called, and how they find each other. */}}

{{- define "roomcast.name" -}}
{{- if contains "roomcast" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-roomcast" (.Release.Name | trunc 31) }}{{ end }}
{{- end }}

{{- define "roomcast.secrets" -}}
{{- .Values.secrets.existing | default (printf "%s-secrets" (include "roomcast.name" .)) }}
{{- end }}

{{- /* (list $ "control"): what its pods have, and nothing else has */}}
{{- define "roomcast.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "roomcast.labels" -}}
{{ include "roomcast.selector" . }}
app.kubernetes.io/part-of: roomcast
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- /* (list $ TAG): the image; the tag may be empty */}}
{{- define "roomcast.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ index . 1 | default $image.tag | default (index . 0).Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* a media port of which all workers of a StatefulSet have the same: (list $ NUMBER), counted from 0 */}}
{{- define "roomcast.mediaPort" -}}
{{- $worker := (index . 0).Values.worker -}}
{{- add (ternary $worker.nodePort $worker.mediaPort (eq $worker.network "nodePort")) (index . 1) }}
{{- end }}

{{- /* the StatefulSet: (list $ NUMBER) */}}
{{- define "roomcast.worker" -}}
{{- include "roomcast.name" (index . 0) }}-worker{{ if index . 1 }}-p{{ include "roomcast.mediaPort" . }}{{ end }}
{{- end }}
