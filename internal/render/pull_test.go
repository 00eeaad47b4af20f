package render_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/project"
)

// TestPullSecret lets every pod of a stage pull its images with the stage's
// Secret, whatever source brings it.
func TestPullSecret(t *testing.T) {
	pods := func(kind, apiVersion, name, path string) string {
		spec := "spec: {containers: [{name: a, image: a:1}], restartPolicy: Never, imagePullSecrets: [{name: own}]}"
		if kind == "CronJob" {
			spec = "spec: {template: {" + spec + "}}"
		}
		return "---\napiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: {" + path + ": {" + spec + "}}\n"
	}
	fsys := repository(map[string]string{
		"raw/kustomization.yaml": "resources: [all.yaml]\n",
		"raw/all.yaml": pods("Deployment", "apps/v1", "deployment", "template") + pods("StatefulSet", "apps/v1", "stateful", "template") +
			pods("DaemonSet", "apps/v1", "daemon", "template") + pods("Job", "batch/v1", "job", "template") + pods("CronJob", "batch/v1", "cron", "jobTemplate"),
		"chart/Chart.yaml":            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
		"chart/templates/object.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: chart}\nspec: {template: {spec: {containers: [{name: a, image: slipway.local/web}]}}}\n",
	})
	req := request(map[string]project.Service{
		"web":    {Build: &project.Build{Context: "."}, Port: 80},
		"raw":    {Kustomize: "raw"},
		"search": {Helm: &project.Helm{Chart: "chart"}},
	})
	req.ImagePullSecret = "slipway-pull"
	text := string(mustRender(t, fsys, req).Manifests)
	for _, document := range strings.Split(text, "---\n") {
		if strings.Contains(document, "containers:") && strings.Count(document, "- name: slipway-pull\n") != 1 {
			t.Errorf("these pods don't pull with the stage's Secret once:\n%s", document)
		}
		if strings.Contains(document, "name: own") != strings.Contains(document, "slipway.dev/service: raw") {
			t.Errorf("these pods lost, or got, another's Secret:\n%s", document)
		}
	}
}
