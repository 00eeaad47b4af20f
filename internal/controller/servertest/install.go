package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kubetest"
)

// Namespace is the server's own.
const Namespace = "slipway-system"

// GateNamespace is where the gate would run, which is not among what tests start.
const GateNamespace = "slipway-gate"

// account is the service account that the chart runs the server as.
const account = "slipway"

// tokenSeconds is how long the server's token is good.
const tokenSeconds = 6 * 60 * 60

// Roles renders the roles of the chart as a cluster gets them.
func Roles() ([]byte, error) { return fromChart("rbac.yaml") }

// install gives the server its namespace and, from the chart itself, its
// account and roles. It returns a configuration with that account's token.
func install(ctx context.Context, plane *kubetest.ControlPlane, c client.Client) (*rest.Config, error) {
	if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}); err != nil {
		return nil, fmt.Errorf("make the server's namespace: %w", err)
	}
	for _, file := range []string{"rbac.yaml", "gate-rbac.yaml", "people.yaml", "admission.yaml", "pods.yaml"} {
		manifests, err := fromChart(file)
		if err != nil {
			return nil, err
		}
		if err := applyAll(ctx, c, manifests); err != nil {
			return nil, err
		}
	}
	if err := guarded(ctx, c); err != nil {
		return nil, err
	}
	lifetime := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	self := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: account}}
	if err := c.SubResource("token").Create(ctx, self, request); err != nil {
		return nil, fmt.Errorf("make the server's token: %w", err)
	}
	config := rest.AnonymousClientConfig(plane.Config)
	config.BearerToken = request.Status.Token
	config.QPS = -1
	return config, nil
}

// fromChart renders a template of the chart. Those used here need two functions
// of Helm, both only for labels, which do not matter here.
func fromChart(file string) ([]byte, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return nil, errors.New("find the chart: the binary does not know its sources")
	}
	chart := filepath.Join(filepath.Dir(here), "..", "..", "..", "charts", "slipway", "templates", file)
	functions := template.FuncMap{
		"include": func(string, any) string { return " {}" },
		"nindent": func(_ int, text string) string { return text },
	}
	parsed, err := template.New(file).Funcs(functions).ParseFiles(chart)
	if err != nil {
		return nil, fmt.Errorf("read %s of the chart: %w", file, err)
	}
	var out bytes.Buffer
	values := map[string]any{"Release": map[string]string{"Namespace": Namespace}, "Values": map[string]any{"gate": map[string]any{"enabled": true}}}
	if err := parsed.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("render %s of the chart: %w", file, err)
	}
	return out.Bytes(), nil
}

// guarded waits until the API server obeys the chart's admission policies: it
// takes a moment to notice them.
func guarded(ctx context.Context, c client.Client) error {
	probe := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "probe"},
		Spec: v1alpha1.StageSpec{
			Project: "probe", Name: "probe", Rule: "probe", Ref: "refs/heads/probe", Namespace: "probe",
			Wanted: v1alpha1.Head{Commit: strings.Repeat("0", 40), FileCommit: strings.Repeat("0", 40)},
		},
	}
	for {
		err := c.Create(ctx, probe.DeepCopy(), client.DryRunAll)
		if err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'slipway-stages'") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the chart's admission policies: %w (the last answer: %w)", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func applyAll(ctx context.Context, c client.Client, manifests []byte) error {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("decode the chart: %w", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		config := client.ApplyConfigurationFromUnstructured(&object)
		if err := c.Apply(ctx, config, client.FieldOwner("servertest"), client.ForceOwnership); err != nil {
			return fmt.Errorf("install %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}
