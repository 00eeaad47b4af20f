package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startTimeout bounds the start of a control plane that is compiled already.
const startTimeout = 3 * time.Minute

// ControlPlane is a running API server.
type ControlPlane struct {
	// Config has every right on the cluster.
	Config *rest.Config
	// Kubeconfig is the path of a file with the same credentials.
	Kubeconfig string

	dir     string
	program string
	shared  bool
}

// Main runs a package's tests with a control plane, and exits. Tests get it
// from the function they pass: keep the value for them.
func Main(m *testing.M, keep func(*ControlPlane)) {
	os.Exit(run(m, keep))
}

func run(m *testing.M, keep func(*ControlPlane)) int {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	plane, err := Start(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	keep(plane)
	return m.Run()
}

// Start returns a control plane with Slipway's resource definitions: the warm
// one whose folder the environment variable CONTROL_PLANE names, which several
// packages use side by side, else one of this process's own, which ends with
// it at the latest. Tests that share one keep to namespaces of their own.
func Start(ctx context.Context) (*ControlPlane, error) {
	if warm := os.Getenv("CONTROL_PLANE"); warm != "" {
		return join(ctx, warm)
	}
	return StartOwn(ctx)
}

// join uses a control plane that runs already and outlives this process.
func join(ctx context.Context, dir string) (*ControlPlane, error) {
	plane := &ControlPlane{dir: dir, program: os.Getenv("DEVCLUSTER"), Kubeconfig: filepath.Join(dir, "kubeconfig"), shared: true}
	if err := plane.prepare(ctx); err != nil {
		return nil, fmt.Errorf("use the control plane in %s: %w", dir, err)
	}
	return plane, nil
}

// StartOwn starts a control plane of this process's own, for tests that run a
// server: it would work on the objects of every other test.
func StartOwn(ctx context.Context) (*ControlPlane, error) {
	program := os.Getenv("DEVCLUSTER")
	if program == "" {
		return nil, errors.New("these tests need a Kubernetes control plane, and DEVCLUSTER does not name the program that makes one; run `make integration`")
	}
	dir, err := os.MkdirTemp("", "kubetest-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the control plane: %w", err)
	}
	plane := &ControlPlane{dir: dir, program: program, Kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := plane.start(ctx); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	return plane, nil
}

func (p *ControlPlane) start(ctx context.Context) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	up := exec.CommandContext(ctx, p.program, "up", "--control-plane", "--dir", p.dir, "--parent-pid", strconv.Itoa(os.Getpid()), "-q")
	up.Dir = root
	if output, err := up.CombinedOutput(); err != nil {
		return fmt.Errorf("start a control plane with %s: %w\n%s", p.program, err, output)
	}
	return p.prepare(ctx)
}

// prepare connects, and installs what stages and their definitions need.
func (p *ControlPlane) prepare(ctx context.Context) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the control plane's kubeconfig: %w", err)
	}
	config.QPS = -1
	p.Config = config
	if err := p.define(ctx, filepath.Join(root, "charts", "slipway", "files", "crds")); err != nil {
		return err
	}
	return p.grant(ctx)
}

// Stop ends a control plane of this process's own and removes its folder; one
// that is shared goes on.
func (p *ControlPlane) Stop() error {
	if p.shared {
		return nil
	}
	down := exec.Command(p.program, "down", "--dir", p.dir, "-q")
	if output, err := down.CombinedOutput(); err != nil {
		return fmt.Errorf("stop the control plane in %s: %w\n%s", p.dir, err, output)
	}
	return os.RemoveAll(p.dir)
}

// checkout returns the folder that holds go.mod.
func checkout() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("find the checkout: the binary does not know its sources")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file))), nil
}

// Namespace makes a namespace with a unique name for a test, in which the
// service account slipway-stage may do everything that a stage's may.
func (p *ControlPlane) Namespace(t testing.TB) string {
	t.Helper()
	ctx := t.Context()
	client := p.Client(t)
	made, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "kubetest-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	_, err = client.RbacV1().RoleBindings(made.Name).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "slipway-stage"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: stageRole},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: made.Name, Name: "slipway-stage"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("let the stage's service account work in %s: %v", made.Name, err)
	}
	p.authorized(t, client, made.Name)
	return made.Name
}

// authorized waits until the API server has learnt the rights of a
// namespace's service account.
func (p *ControlPlane) authorized(t testing.TB, client *kubernetes.Clientset, namespace string) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + namespace + ":slipway-stage",
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "patch", Group: "apps", Resource: "deployments"},
	}}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil {
			t.Fatalf("ask for the rights in %s: %v", namespace, err)
		}
		if answer.Status.Allowed {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the service account of %s got no rights within 30 s: %s", namespace, answer.Status.Reason)
		}
	}
}

// Client returns a client with every right.
func (p *ControlPlane) Client(t testing.TB) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		t.Fatalf("client of the control plane: %v", err)
	}
	return client
}

// Stage returns a configuration that impersonates the service account
// slipway-stage of a namespace.
func (p *ControlPlane) Stage(namespace string) *rest.Config {
	config := rest.CopyConfig(p.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":slipway-stage",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return config
}

// Kubectl runs kubectl as a person would, with every right, and returns what
// it printed.
func (p *ControlPlane) Kubectl(t testing.TB, input string, args ...string) string {
	t.Helper()
	name := "kubectl"
	for _, dir := range []string{filepath.Join(os.Getenv("DEVCLUSTER_CACHE"), "bin"), filepath.Dir(p.program)} {
		if found := filepath.Join(dir, "kubectl"); exists(found) {
			name = found
		}
	}
	command := exec.CommandContext(t.Context(), name, append([]string{"--kubeconfig", p.Kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
