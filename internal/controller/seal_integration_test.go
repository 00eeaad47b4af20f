//go:build integration

package controller_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/seal"
)

// recipient returns what values are sealed for.
func (p *team) recipient() string {
	p.t.Helper()
	var recipient string
	p.eventually("the project has a recipient", func() error {
		var made v1alpha1.Project
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
			return err
		}
		if recipient = made.Status.Recipient; recipient == "" {
			return fmt.Errorf("status %+v", made.Status)
		}
		return nil
	})
	return recipient
}

// sealedFile is a project file with one sealed value, which the pods of api
// use.
func sealedFile(t *testing.T, image, recipient, value string) map[string]string {
	t.Helper()
	text, err := seal.Seal(recipient, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	file := projectFile(devStage, "  api: {image: \""+image+"\", secrets: [stripe]}\n") + "sealed: {stripe: {API_KEY: " + text + "}}\n"
	return map[string]string{"slipway.yaml": file}
}

func (p *team) secret(name string) (corev1.Secret, error) {
	var secret corev1.Secret
	err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: name}, &secret)
	return secret, err
}

func (p *team) podAnnotation(deployment string) string {
	p.t.Helper()
	var found appsv1.Deployment
	if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: deployment}, &found); err != nil {
		p.t.Fatal(err)
	}
	return found.Spec.Template.Annotations[naming.AnnotationSealHash]
}

// TestSealedValueReachesTheStageAlone seals, rotates and removes a value, and
// looks for it wherever it must not be.
func TestSealedValueReachesTheStageAlone(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/api", "1")
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, "sealed", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	recipient := p.recipient()
	p.kubelet(p.stageNamespace("dev"))

	p.reaches("dev", p.push("main", "dev", sealedFile(t, image, recipient, "hush-first")), v1alpha1.PhaseSucceeded)
	secret, err := p.secret("stripe")
	if err != nil || string(secret.Data["API_KEY"]) != "hush-first" || len(secret.Data) != 1 {
		t.Fatalf("the stage's Secret holds %d values, %v", len(secret.Data), err)
	}
	before := p.podAnnotation("api")
	p.reaches("dev", p.push("main", "dev", sealedFile(t, image, recipient, "hush-second")), v1alpha1.PhaseSucceeded)
	if secret, err = p.secret("stripe"); err != nil || string(secret.Data["API_KEY"]) != "hush-second" {
		t.Errorf("the Secret was not brought to the new value: %v", err)
	}
	if after := p.podAnnotation("api"); before == "" || after == before {
		t.Errorf("the pods' annotation went from %q to %q: they would keep the old value", before, after)
	}
	p.hidden("hush-")

	p.reaches("dev", p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, site)}), v1alpha1.PhaseSucceeded)
	if _, err = p.secret("stripe"); !apierrors.IsNotFound(err) {
		t.Errorf("the Secret outlived its sealed values: %v", err)
	}
}

// hidden looks for a text in everything that Slipway wrote but the stage's
// Secrets: objects, bundles and the log.
func (p *team) hidden(text string) {
	p.t.Helper()
	var secrets corev1.SecretList
	var maps corev1.ConfigMapList
	lists := []client.ObjectList{&v1alpha1.ProjectList{}, &v1alpha1.StageList{}, &v1alpha1.ReleaseList{}, &v1alpha1.DeliveryList{}, &maps, &secrets}
	for _, list := range lists {
		if err := env.Client.List(p.t.Context(), list, client.InNamespace(p.Namespace)); err != nil {
			p.t.Fatal(err)
		}
		data, err := json.Marshal(list)
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Contains(string(data), text) {
			p.t.Errorf("%T shows the value", list)
		}
	}
	if len(secrets.Items) < 3 {
		p.t.Errorf("only %d Secrets were looked at", len(secrets.Items))
	}
	for _, secret := range secrets.Items {
		for key, value := range secret.Data {
			if strings.Contains(string(value), text) {
				p.t.Errorf("Secret %s shows the value under %s", secret.Name, key)
			}
		}
	}
	server, err := env.Server(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(server.Log), text) {
		p.t.Error("the log shows the value")
	}
}

func TestForeignSealedValueIsRefused(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/api", "1")
	if err != nil {
		t.Fatal(err)
	}
	theirs := join(t, "sealed-theirs", siteFiles(devStage, "hello"), nil)
	foreign := theirs.recipient()
	p := join(t, "sealed-ours", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	if p.recipient() == foreign {
		t.Fatal("two projects have one recipient")
	}
	release := p.reaches("dev", p.push("main", "dev", sealedFile(t, image, foreign, "hush-theirs")), v1alpha1.PhaseFailed)
	if message := release.Status.Message; !strings.Contains(message, "sealed.stripe.API_KEY") || !strings.Contains(message, "not sealed for this project") {
		t.Errorf("the release says %q", message)
	}
	if _, err := p.secret("stripe"); !apierrors.IsNotFound(err) {
		t.Errorf("a Secret was made: %v", err)
	}
}

func TestSealedValueLeavesOthersSecretAlone(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/api", "1")
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, "sealed-taken", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	by := metav1.ObjectMeta{Name: "stripe", Namespace: p.stageNamespace("dev")}
	if err := env.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: by, StringData: map[string]string{"API_KEY": "by hand"}}); err != nil {
		t.Fatal(err)
	}
	release := p.reaches("dev", p.push("main", "dev", sealedFile(t, image, p.recipient(), "hush-ours")), v1alpha1.PhaseFailed)
	if message := release.Status.Message; !strings.Contains(message, "not made from sealed values") {
		t.Errorf("the release says %q", message)
	}
	if secret, err := p.secret("stripe"); err != nil || string(secret.Data["API_KEY"]) != "by hand" {
		t.Errorf("the Secret was changed: %v", err)
	}
}
