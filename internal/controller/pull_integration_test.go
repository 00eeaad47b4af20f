//go:build integration

package controller_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// TestPullCredentials gives the cluster's registry credentials to pull with,
// and takes them away again.
func TestPullCredentials(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/pulled", "1")
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, "pull", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.kubelet(p.stageNamespace("dev"))
	const config = `{"auths":{"registry.example":{"auth":"cHVsbDpwdWxs"}}}`
	credentials := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "registry-pull", Namespace: p.Namespace},
		Type:       corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(config)},
	}
	if err := env.Client.Create(t.Context(), credentials); err != nil {
		t.Fatal(err)
	}
	pullWith := func(ref *v1alpha1.SecretKey) {
		t.Helper()
		var clusters v1alpha1.ClusterList
		if err := env.Client.List(t.Context(), &clusters, client.InNamespace(p.Namespace)); err != nil {
			t.Fatal(err)
		}
		for _, cluster := range clusters.Items {
			before := cluster.DeepCopy()
			cluster.Spec.Registry.PullCredentials = ref
			if err := env.Client.Patch(t.Context(), &cluster, client.MergeFrom(before)); err != nil {
				t.Fatal(err)
			}
		}
	}
	pods := func() []corev1.LocalObjectReference {
		t.Helper()
		var all appsv1.DeploymentList
		if err := env.Client.List(t.Context(), &all, client.InNamespace(p.stageNamespace("dev"))); err != nil || len(all.Items) == 0 {
			t.Fatalf("%d deployments: %v", len(all.Items), err)
		}
		return all.Items[0].Spec.Template.Spec.ImagePullSecrets
	}

	pullWith(&v1alpha1.SecretKey{Name: credentials.Name})
	p.reaches("dev", p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, "  api: {image: \""+image+"\"}\n")}), v1alpha1.PhaseSucceeded)
	held, err := p.secret(naming.PullSecret)
	if err != nil || held.Type != corev1.SecretTypeDockerConfigJson || string(held.Data[corev1.DockerConfigJsonKey]) != config {
		t.Errorf("the stage's Secret: %v %s %q", err, held.Type, held.Data)
	}
	if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: naming.PullSecret}}, pods()); diff != "" {
		t.Errorf("what pods pull with (-want +got):\n%s", diff)
	}

	pullWith(nil)
	p.reaches("dev", p.push("main", "dev", map[string]string{"README.md": "without"}), v1alpha1.PhaseSucceeded)
	if _, err := p.secret(naming.PullSecret); !apierrors.IsNotFound(err) {
		t.Errorf("the stage's Secret afterwards: %v, want it gone", err)
	}
	if left := pods(); len(left) > 0 {
		t.Errorf("pods still pull with %v", left)
	}
}
