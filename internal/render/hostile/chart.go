package hostile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/project"
)

// chartCases are charts that want what is not theirs.
func chartCases(address string) []Case {
	linked := fstest.MapFS{
		"chart/Chart.yaml":            {Data: []byte("apiVersion: v2\nname: chart\nversion: 1.0.0\n"), Mode: 0o644},
		"chart/templates/object.yaml": {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink | 0o777},
	}
	outside := chart("path out of the repository", configMap, "services.search.helm.chart", "leaves the repository")
	outside.Request.Services["search"] = project.Service{Helm: &project.Helm{Chart: "../chart"}}
	remote := chart("remote chart", configMap, "services.search.helm.chart", "a URL")
	remote.Request.Services["search"] = project.Service{Helm: &project.Helm{Chart: "oci://" + address + "/chart"}}
	values := chart("values out of the repository", configMap, "services.search.helm.values", "absolute")
	values.Request.Services["search"] = project.Service{Helm: &project.Helm{Chart: "chart", Values: []string{"/proc/self/environ"}}}
	const data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: {{ %s | quote }}}\n"
	return []Case{
		{Name: "chart: symbolic link", Tree: linked, Says: []string{"services.search.helm.chart", "symbolic link"},
			Request: request(map[string]project.Service{"search": {Helm: &project.Helm{Chart: "chart"}}})},
		outside, remote, values,
		chart("environment", with(data, `env "PATH"`), "not defined"),
		chart("environment in text", with(data, `expandenv "$PATH"`), "not defined"),
		chart("name service", with(data, `getHostByName "`+address+`"`), "through getHostByName", "each time"),
		chart("clock", with(data, `now`), "data.a of ConfigMap x", "through now"),
		chart("randomness", with(data, `randAlphaNum 8`)),
		chart("keys", with(data, `genPrivateKey "rsa"`), "through genPrivateKey"),
		chart("file outside the chart", with(data, `.Files.Get "../slipway.yaml"`)),
		chart("file of this machine", with(data, `.Files.Get "/etc/passwd"`)),
		chart("the cluster", "{{ range (lookup \"v1\" \"Secret\" \"kube-system\" \"\").items }}\n---\n{{ . }}\n{{ end }}\n"+configMap),
		chart("a job after the release", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x, annotations: {helm.sh/hook: post-install}}\n"),
		chart("a pod after the release", "apiVersion: v1\nkind: Pod\nmetadata: {name: x, annotations: {helm.sh/hook: post-install}}\n", "Pod x", "post-install"),
		chartFiles("dependency elsewhere", files{
			"chart/Chart.yaml":            "apiVersion: v2\nname: chart\nversion: 1.0.0\ndependencies: [{name: other, version: 1.0.0, repository: 'http://" + address + "'}]\n",
			"chart/templates/object.yaml": configMap,
		}, "lacks other"),
		chartFiles("schema elsewhere", files{
			"chart/values.schema.json": `{"properties": {"a": {"$ref": "http://` + address + `/schema.json"}}}`, "chart/templates/object.yaml": configMap,
		}, "chart/values.schema.json", "outside the schema"),
		chartFiles("schema from this machine", files{
			"chart/values.schema.json": `{"properties": {"a": {"$ref": "file:///etc/passwd"}}}`, "chart/templates/object.yaml": configMap,
		}, "chart/values.schema.json", "outside the schema"),
		chartFiles("schema that is no JSON", files{"chart/values.schema.json": `{`, "chart/templates/object.yaml": configMap}, "values.schema.json", "not JSON"),
	}
}

// chartBombCases are charts that never end, or take everything.
func chartBombCases() []Case {
	const loop = "{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}\n"
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
	return []Case{
		chart("template that evaluates itself", `{{- $x := "{{ tpl .Values.x . }}" }}{{ tpl .Values.x . }}`+"\n", "service search"),
		chartFiles("values that evaluate themselves", files{
			"chart/values.yaml": "x: '{{ tpl .Values.x . }}'\n", "chart/templates/object.yaml": "{{ tpl .Values.x . }}\n",
		}, "rendering needs more than"),
		chart("template that includes itself", `{{- define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`+"\n", "service search"),
		chart("template that calls itself", `{{- define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`+"\n", "service search"),
		chart("loops in loops", loop, "rendering needs more than"),
		chart("text of a gigabyte", `{{ $x := repeat 1000000000 "x" }}{{ $x }}{{ $x }}`, "memory"),
		chart("list of a billion", `{{ range until 1000000000 }}{{ end }}`, "memory"),
		chart("object with an alias bomb", bomb, "service search", "aliases"),
		chartFiles("values with an alias bomb", files{"chart/values.yaml": bomb, "chart/templates/object.yaml": configMap}, "chart/values.yaml", "aliases"),
		chartFiles("archive that unpacks to much", files{"chart/charts/other.tgz": archive(200 << 20), "chart/templates/object.yaml": configMap}, "service search"),
		{Name: "chart: directory without end", Tree: endless{}, Says: []string{"services.search.helm.chart"},
			Request: request(map[string]project.Service{"search": {Helm: &project.Helm{Chart: "chart"}}})},
	}
}

// archive returns a chart's archive with one large file of zeros.
func archive(size int64) string {
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	writer := tar.NewWriter(compressed)
	_ = writer.WriteHeader(&tar.Header{Name: "other/Chart.yaml", Mode: 0o644, Size: size})
	zeros := make([]byte, 1<<20)
	for ; size > 0; size -= int64(len(zeros)) {
		_, _ = writer.Write(zeros)
	}
	_ = writer.Close()
	_ = compressed.Close()
	return packed.String()
}

func with(format, call string) string {
	return string(bytes.Replace([]byte(format), []byte("%s"), []byte(call), 1))
}
