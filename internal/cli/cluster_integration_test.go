//go:build integration

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/bundle"
	"github.com/slipway-dev/slipway/internal/kubetest"
)

// TestClusterScript runs the scripts in testdata/cluster against a real API
// server, on which a fake server plays Slipway's server. Besides the commands of
// TestScript they have `kube FILE`, which makes objects with their status,
// `keep RELEASE FILE`, which keeps manifests as a release's bundle, and `user
// NAME [NAMESPACE]`, as whom, and with which namespace in the kubeconfig's
// context, the command line acts from then on, and `there MANAGER FILE`,
// which applies manifests in the stage's namespace as a field manager.
func TestClusterScript(t *testing.T) {
	plane, err := kubetest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	environment := newEnvironment(t, plane)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/cluster",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, ".kubeconfig"))
			return environment.enter(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"kube":  environment.kube,
			"keep":  environment.keep,
			"user":  environment.user,
			"there": environment.there,
		},
	})
}

// environment is the API server with what scripts do on it.
type environment struct {
	plane  *kubetest.ControlPlane
	client client.WithWatch
}

func newEnvironment(t *testing.T, plane *kubetest.ControlPlane) *environment {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	made, err := client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	o := &environment{plane: plane, client: made}
	for _, who := range []struct{ name, verbs string }{{"alice", "*"}, {"bob", "*"}, {"eve", "get, list, watch"}} {
		rules := fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: test-%s}, rules: [{apiGroups: [slipway.dev, ""], resources: ["*"], verbs: [%q]}]}`,
			who.name, who.verbs)
		rules = strings.ReplaceAll(rules, `["get, list, watch"]`, "[get, list, watch]")
		binding := fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: test-%s},
			roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: test-%[1]s}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[1]s}]}`, who.name)
		plane.Kubectl(t, rules+"\n---\n"+binding, "apply", "-f", "-")
	}
	// Mia and nora see one organization each time; only nora sees which there are.
	plane.Kubectl(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: test-nora}, rules: [{apiGroups: [slipway.dev], resources: [organizations], verbs: [list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: test-nora},
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: test-nora}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: nora}]}`, "apply", "-f", "-")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); (&fakeServer{client: made, t: t}).work(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return o
}

// enter gives a script an organization of its own, named in $ORG, and makes it
// alice.
func (o *environment) enter(env *testscript.Env) error {
	org := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, filepath.Base(env.WorkDir))
	env.Setenv("ORG", org)
	var namespace unstructured.Unstructured
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName("slipway-org-" + org)
	if err := o.client.Create(context.Background(), &namespace); err != nil {
		return err
	}
	if err := o.found(org); err != nil {
		return err
	}
	return o.actAs("alice", "slipway-org-"+org, env.Getenv("KUBECONFIG"))
}

// found makes an Organization, in which mia and nora may read.
func (o *environment) found(org string) error {
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-" + org, Name: "readers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "test-eve"},
	}
	for _, name := range []string{"mia", "nora"} {
		binding.Subjects = append(binding.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: name})
	}
	if err := o.client.Create(context.Background(), binding); err != nil {
		return err
	}
	return o.client.Create(context.Background(), &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: org}})
}

// actAs writes a kubeconfig with which the command line is a user.
func (o *environment) actAs(name, namespace, path string) error {
	config, err := clientcmd.LoadFromFile(o.plane.Kubeconfig)
	if err != nil {
		return err
	}
	for _, user := range config.AuthInfos {
		user.Impersonate = name
	}
	for _, c := range config.Contexts {
		c.Namespace = namespace
	}
	return clientcmd.WriteToFile(*config, path)
}

func (o *environment) user(ts *testscript.TestScript, neg bool, args []string) {
	namespace := "slipway-org-" + ts.Getenv("ORG")
	if len(args) == 2 {
		namespace = args[1]
	}
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: user NAME [NAMESPACE]")
	}
	ts.Check(o.actAs(args[0], namespace, ts.Getenv("KUBECONFIG")))
}

// kube makes the objects of a file, in the script's organization, and writes
// the status that they have there.
func (o *environment) kube(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kube FILE")
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(ts.ReadFile(args[0])), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); err != nil {
			break
		}
		object.SetNamespace("slipway-org-" + ts.Getenv("ORG"))
		status := object.Object["status"]
		err := o.client.Create(context.Background(), object)
		if apierrors.IsAlreadyExists(err) {
			ts.Check(o.client.Get(context.Background(), client.ObjectKeyFromObject(object), object))
			err = nil
		}
		ts.Check(err)
		if status != nil {
			object.Object["status"] = status
			ts.Check(o.client.Status().Update(context.Background(), object))
		}
	}
}

// there applies manifests under a field manager's name, as Slipway does and as
// others do.
func (o *environment) there(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: there MANAGER FILE")
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(os.Expand(ts.ReadFile(args[1]), ts.Getenv)), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); err != nil {
			return
		}
		ts.Check(o.client.Apply(context.Background(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(args[0]), client.ForceOwnership))
	}
}

// keep keeps manifests as a release's bundle.
func (o *environment) keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep RELEASE FILE")
	}
	ctx := context.Background()
	var rel v1alpha1.Release
	ts.Check(o.client.Get(ctx, client.ObjectKey{Namespace: "slipway-org-" + ts.Getenv("ORG"), Name: args[0]}, &rel))
	owner := bundle.Stage{Namespace: rel.Namespace, Object: rel.Spec.Stage}
	name, digest, err := bundle.NewStore(o.client).Put(ctx, owner, []byte(ts.ReadFile(args[1])), nil)
	ts.Check(err)
	rel.Status.Bundle, rel.Status.BundleDigest = name, digest
	ts.Check(o.client.Status().Update(ctx, &rel))
}

// fakeServer plays Slipway's server: it takes each release that is asked for
// through its phases, at times that are always the same. What a person gives as
// the reason decides how it ends.
type fakeServer struct {
	client client.WithWatch
	t      *testing.T
}

func (c *fakeServer) work(ctx context.Context) {
	for ctx.Err() == nil {
		var releases v1alpha1.ReleaseList
		if err := c.client.List(ctx, &releases); err == nil {
			for i := range releases.Items {
				c.release(ctx, &releases.Items[i])
			}
		}
		var deliveries v1alpha1.DeliveryList
		if err := c.client.List(ctx, &deliveries); err == nil {
			for i := range deliveries.Items {
				c.delivery(ctx, &deliveries.Items[i])
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *fakeServer) release(ctx context.Context, rel *v1alpha1.Release) {
	switch {
	case rel.Status.Phase == "" && rel.Spec.By != "":
		meta.SetStatusCondition(&rel.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Accepted"})
		c.phase(ctx, rel, v1alpha1.PhasePending, "planning")
		if strings.Contains(rel.Spec.Reason, "hold") {
			c.phase(ctx, rel, v1alpha1.PhaseHeld, "the stage takes an approval by a maintainer")
			return
		}
		c.finish(ctx, rel)
	case rel.Status.Phase == v1alpha1.PhaseHeld && len(rel.Spec.Verdicts) > 0 && rel.Status.ObservedGeneration < rel.Generation:
		rel.Status.ObservedGeneration = rel.Generation
		last := rel.Spec.Verdicts[len(rel.Spec.Verdicts)-1]
		switch {
		case last.Verdict == v1alpha1.VerdictReject:
			rel.Status.Cause = "Rejected"
			c.phase(ctx, rel, v1alpha1.PhaseFailed, "rejected by "+last.By+": "+last.Reason)
		case last.Reason == "one of two":
			c.phase(ctx, rel, v1alpha1.PhaseHeld, "one more approval is needed")
		default:
			c.finish(ctx, rel)
		}
	}
}

func (c *fakeServer) finish(ctx context.Context, rel *v1alpha1.Release) {
	c.phase(ctx, rel, v1alpha1.PhaseApplying, "applying")
	if strings.Contains(rel.Spec.Reason, "fail") {
		rel.Status.Cause = "CrashLoop"
		c.phase(ctx, rel, v1alpha1.PhaseFailed, "Deployment/web: the container web crashes")
		return
	}
	c.phase(ctx, rel, v1alpha1.PhaseVerifying, "waiting until everything is ready")
	rel.Status.URL = "http://web.example"
	c.phase(ctx, rel, v1alpha1.PhaseSucceeded, "live")
}

// phase writes a phase. Half a second lies between two of them.
func (c *fakeServer) phase(ctx context.Context, rel *v1alpha1.Release, phase v1alpha1.Phase, message string) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(len(rel.Status.Timings)) * 500 * time.Millisecond)
	rel.Status.Phase, rel.Status.Message = phase, message
	rel.Status.Timings = append(rel.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: at}})
	if err := c.client.Status().Update(ctx, rel); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
		c.t.Errorf("play %s of %s: %v", phase, rel.Name, err)
	}
}

func (c *fakeServer) delivery(ctx context.Context, one *v1alpha1.Delivery) {
	if !one.Waits() || one.ReplayMark() == "" {
		return
	}
	one.Status.Phase, one.Status.Message, one.Status.Replayed = v1alpha1.DeliveryDone, "synced", one.ReplayMark()
	one.Status.Attempts++
	if err := c.client.Status().Update(ctx, one); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
		c.t.Errorf("deal with %s: %v", one.Name, err)
	}
}
