//go:build integration

package apply

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

var updateSentences = flag.Bool("update", false, "write the golden files anew")

// sentence is a failure that a real API server makes, and what people read.
type sentence struct {
	// before is applied first and is fine; nil when nothing is there before.
	before []string
	// arrange changes the cluster or the stage before the failure.
	arrange func(*stage)
	after   []string
	// wait is set when not applying fails, but becoming ready.
	wait bool
	// late is set when the failure is certain only at the deadline.
	late bool
	// during happens while it is waited.
	during func(*stage)
	code   cause.Code
}

func sentences() map[string]sentence {
	web := deployment("web", "registry.example/web:1", 1)
	secretMissing := corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", Image: "registry.example/web:1",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: `secret "stripe" not found`}},
	}}}
	quota := func(hard string) func(*stage) { return func(s *stage) { s.quota(hard) } }
	return map[string]sentence{
		"quota exceeded":            {arrange: quota("requests.storage: 1Gi"), after: []string{claim("big", "10Gi")}, code: cause.Quota},
		"quota exceeded by pods":    {arrange: quota("pods: \"0\""), after: []string{web}, wait: true, late: true, code: cause.Quota},
		"refused admission":         {arrange: (*stage).refuseAll, after: []string{configMap("settings", "1")}, code: cause.AdmissionRefused},
		"immutable field":           {before: []string{statefulSet("db", "registry.example/db:1", "2Gi")}, after: []string{statefulSet("db", "registry.example/db:1", "1Gi")}, code: cause.Immutable},
		"immutable selector":        {before: []string{web}, after: []string{strings.ReplaceAll(web, "app: web", "app: other")}, code: cause.Immutable},
		"removed version":           {after: []string{strings.Replace(ingress("web", "web.example"), "networking.k8s.io/v1", "extensions/v1beta1", 1)}, code: cause.VersionNotServed},
		"removed autoscaler":        {after: []string{strings.Replace(horizontal("web", 1, 2), "autoscaling/v2", "autoscaling/v2beta2", 1)}, code: cause.VersionNotServed},
		"foreign object":            {arrange: func(s *stage) { s.other(configMap("settings", "theirs")) }, after: []string{configMap("settings", "1")}, code: cause.Foreign},
		"pods that may not be made": {arrange: (*stage).restrict, after: []string{web}, wait: true, code: cause.AdmissionRefused},
		"missing Secret":            {after: []string{web}, wait: true, late: true, during: func(s *stage) { s.pod("web", secretMissing) }, code: cause.ConfigMissing},
	}
}

// refuseAll makes an admission policy refuse everything in the namespace.
func (s *stage) refuseAll() {
	s.t.Helper()
	api := plane.Client(s.t).AdmissionregistrationV1()
	name := "refuse-" + s.namespace
	fail := admissionv1.Fail
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "object.metadata.name == 'allowed'", Message: "settings must be signed off by security"}},
		},
	}
	if _, err := api.ValidatingAdmissionPolicies().Create(s.t.Context(), policy, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}}},
		},
	}
	if _, err := api.ValidatingAdmissionPolicyBindings().Create(s.t.Context(), binding, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.patiently("the policy is in force", func() error {
		_, err := plane.Client(s.t).CoreV1().ConfigMaps(s.namespace).Create(s.t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "probe"},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return errors.New("it lets objects through")
		}
		return nil
	})
}

// restrict makes the namespace refuse pods that could do harm.
func (s *stage) restrict() {
	s.kubectl("", "label", "namespace", s.namespace, "pod-security.kubernetes.io/enforce=restricted")
}

// fail brings a failure about and returns it.
func (c sentence) fail(s *stage) error {
	if c.before != nil {
		s.apply(manifests(c.before...))
	}
	if c.arrange != nil {
		c.arrange(s)
	}
	report, err := s.applier.Apply(s.t.Context(), s.set(manifests(c.after...)))
	if !c.wait {
		return err
	}
	if err != nil {
		s.t.Fatalf("apply: %v", err)
	}
	options := ready.Options{}
	if c.late {
		options.Deadline = 8 * time.Second
	}
	w := s.wait(report.Targets, options)
	if c.during != nil {
		c.during(s)
	}
	<-w.finished
	return w.err
}

func TestSentencesOfFailures(t *testing.T) {
	for name, c := range sentences() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			err := c.fail(s)
			if code := reportedCode(err); code != c.code {
				t.Errorf("cause %s, want %s: %v", code, c.code, err)
			}
			got := strings.ReplaceAll(fault.MessageOf(err), s.namespace, "NAMESPACE") + "\n"
			got = regexp.MustCompile(`web-[0-9a-z]{6,12}(-[0-9a-z]{5})?\b`).ReplaceAllString(got, "web-HASH")
			file := filepath.Join("testdata", "sentences", strings.ReplaceAll(name, " ", "-")+".golden")
			if *updateSentences {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// reportedCode returns the cause of a failure.
func reportedCode(err error) cause.Code {
	var failure *refusal.Failure
	var notReady *ready.NotReadyError
	switch {
	case errors.As(err, &failure):
		return failure.Cause().Code
	case errors.As(err, &notReady):
		return notReady.Cause.Code
	}
	return ""
}
