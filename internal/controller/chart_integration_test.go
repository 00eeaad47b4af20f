//go:build integration

package controller_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// A chart's password is generated once: another commit, and another value that
// the chart generates, leave it as it is. It sees what the cluster serves. Neither the
// release nor its warnings show a value.
func TestChartsGeneratedValuesStay(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  password: {{ randAlphaNum 20 | b64enc }}\n"
	files := siteFiles(devStage, "hello")
	files["slipway.yaml"] = projectFile(devStage, "  db: {helm: {chart: db}}\n")
	files["db/Chart.yaml"] = "apiVersion: v2\nname: db\nversion: 1.0.0\nkubeVersion: '>=1.30'\n"
	files["db/templates/secret.yaml"] = secret
	files["db/templates/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata: {stage: '{{ .Capabilities.APIVersions.Has \"slipway.dev/v1alpha1/Stage\" }}'}\n"
	p := join(t, "chart", files, nil)
	release := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	first, err := p.secret("db")
	if err != nil || len(first.Data["password"]) != 20 {
		t.Fatalf("the Secret holds %d characters: %v", len(first.Data["password"]), err)
	}
	var seen corev1.ConfigMap
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "seen"}, &seen); err != nil || seen.Data["stage"] != "true" {
		t.Errorf("the chart saw %v of the cluster: %v", seen.Data, err)
	}
	said := strings.Join(release.Status.Warnings, "\n") + release.Status.Message
	if !strings.Contains(said, "the chart generates data.password of Secret db") || strings.Contains(said, string(first.Data["password"])) {
		t.Errorf("the release says %q", said)
	}

	changed := p.push("main", "dev", map[string]string{"db/templates/secret.yaml": strings.Replace(secret, "data:\n", "data:\n  admin: {{ randAlphaNum 20 | b64enc }}\n", 1)})
	p.reaches("dev", changed, v1alpha1.PhaseSucceeded)
	second, err := p.secret("db")
	if err != nil || string(second.Data["password"]) != string(first.Data["password"]) || len(second.Data["admin"]) != 20 || string(second.Data["admin"]) == string(first.Data["password"]) {
		t.Errorf("the second release changed the password, or generated none besides: %v", err)
	}
	var seed corev1.Secret
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: naming.ChartSeed(p.Name)}, &seed); err != nil || len(seed.Data["seed"]) != 32 || len(seed.OwnerReferences) != 1 {
		t.Errorf("the project's seed has %d bytes and the owners %v: %v", len(seed.Data["seed"]), seed.OwnerReferences, err)
	}
}
