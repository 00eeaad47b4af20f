package kaniko

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

var update = flag.Bool("update", false, "write the golden files")

const testToken = "token-that-is-secret"

func testConfig() Config {
	return Config{
		Image:    "registry.example/slipway@sha256:" + strings.Repeat("1", 64),
		Executor: "registry.example/kaniko@sha256:" + strings.Repeat("2", 64),
	}
}

func testRequest(t testing.TB) build.Request {
	t.Helper()
	creds, err := build.ParseCredentials([]byte(`{"auths":{
		"registry.example": {"username": "pusher", "password": "secret-of-the-registry"},
		"elsewhere.example": {"username": "other", "password": "secret-of-elsewhere"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return build.Request{
		Organization:   "acme",
		Project:        "shop",
		Namespace:      naming.BuildNamespace("acme", "shop"),
		Hash:           build.Input{Context: map[string]string{".": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}}.Hash(),
		Repository:     build.Repository("registry.example", "slipway", "acme", "shop", ""),
		Credentials:    creds,
		Source:         build.Source{URL: "http://slipway.slipway:8080/source", Token: testToken},
		Dockerfile:     "Dockerfile",
		DockerfileText: []byte("FROM busybox:1.36\nRUN true\n"),
	}
}

func golden(t *testing.T, name string, object any) {
	t.Helper()
	got, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func TestNewJob(t *testing.T) {
	plain, config := testRequest(t), testConfig()
	full, fullConfig := testRequest(t), testConfig()
	full.Dockerfile = "docker/Dockerfile.web"
	full.Target = "web"
	full.Platform = "linux/arm64"
	full.Insecure = true
	full.Args = map[string]string{
		"VERSION": "1.2=3",
		"SHELL":   "; rm -rf / $(HOST) $HOME `id` \"'",
		"EMPTY":   "",
	}
	fullConfig.HostUsers = true
	fullConfig.Mirrors = []string{"10.0.0.1:5000", "mirror.example/hub"}
	fullConfig.Insecure = []string{"10.0.0.1:5000"}
	fullConfig.CPULimit = resource.MustParse("2")
	fullConfig.MemoryLimit = resource.MustParse("8Gi")
	fullConfig.Deadline = 10 * time.Minute
	for name, test := range map[string]struct {
		request build.Request
		config  Config
	}{
		"job-plain": {plain, config},
		"job-full":  {full, fullConfig},
	} {
		t.Run(name, func(t *testing.T) {
			job, err := NewJob(test.request, test.config)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, job)
		})
	}
}

func TestNewSecretGolden(t *testing.T) {
	request := testRequest(t)
	job, err := NewJob(request, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	job.UID = "11111111-2222-3333-4444-555555555555"
	secret, err := NewSecret(job, request)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(secret.Data[tokenKey]); got != testToken {
		t.Errorf("token %q", got)
	}
	if got := string(secret.Data[configKey]); !strings.Contains(got, "registry.example") || strings.Contains(got, "elsewhere") {
		t.Errorf("the pod must get the one registry's credential, got %s", got)
	}
	for key := range secret.Data {
		secret.Data[key] = []byte("left out")
	}
	golden(t, "secret", secret)
	request.Credentials = build.Credentials{}
	if secret, err = NewSecret(job, request); err != nil || string(secret.Data[configKey]) != "{}" {
		t.Errorf("without credentials: %s, %v", secret.Data[configKey], err)
	}
}

func TestPlace(t *testing.T) {
	golden(t, "namespace", NewNamespace("acme", "shop"))
	golden(t, "networkpolicy", NewNetworkPolicy("acme", "shop", []string{"10.0.0.0/8", "fd00::/8"}, []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "slipway"}},
	}}))
}

// A Job can be read by many; secrets stand in its Secret only.
func TestJobHoldsNoSecret(t *testing.T) {
	job, err := NewJob(testRequest(t), testConfig())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, testToken) || strings.Contains(text, "secret-of") {
		t.Errorf("the Job holds a secret: %s", text)
	}
}

// The build container sees neither the token nor the registry's credential,
// and no other container runs what the project wrote.
func TestWhoSeesWhat(t *testing.T) {
	job, err := NewJob(testRequest(t), testConfig())
	if err != nil {
		t.Fatal(err)
	}
	spec := job.Spec.Template.Spec
	got := map[string][]string{}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, mount := range c.VolumeMounts {
			mode := "write"
			if mount.ReadOnly {
				mode = "read"
			}
			got[c.Name] = append(got[c.Name], mount.Name+" "+mode)
		}
		own := slices.DeleteFunc(slices.Clone(c.Env), func(v corev1.EnvVar) bool { // the executor's switches say nothing
			return c.Name == containerKaniko && strings.HasPrefix(v.Name, "FF_KANIKO_") && v.Value == "true" && v.ValueFrom == nil
		})
		if len(own)+len(c.EnvFrom)+len(c.Command) > 0 {
			t.Errorf("container %s has an environment or a command of ours", c.Name)
		}
	}
	want := map[string][]string{
		containerSource: {"source write", "token read"},
		containerKaniko: {"source read", "image write"},
		containerPush:   {"image read", "registry read"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mounts differ (-want +got):\n%s", diff)
	}
	if *spec.AutomountServiceAccountToken || *spec.HostUsers || spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Error("the pod has a service-account token, the node's users, or restarts")
	}
}

func TestArgumentsAreLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"$(HOME)": "$$(HOME)", "$$": "$$$$", "a$": "a$$", "plain": "plain", "$$(X)": "$$$$(X)",
	} {
		if got := literal([]string{in})[0]; got != want {
			t.Errorf("literal(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNewJobRefuses(t *testing.T) {
	many := map[string]string{}
	for i := range maxArgs + 1 {
		many["A"+strings.Repeat("x", i)] = ""
	}
	large := map[string]string{}
	for i := range 20 {
		large["A"+strings.Repeat("x", i)] = strings.Repeat("v", 5000)
	}
	tests := map[string]struct {
		change func(*build.Request)
		want   fault.Code
	}{
		"no hash":             {func(r *build.Request) { r.Hash = "latest" }, fault.Invalid},
		"hash in capitals":    {func(r *build.Request) { r.Hash = strings.Repeat("A", 64) }, fault.Invalid},
		"no namespace":        {func(r *build.Request) { r.Namespace = "" }, fault.Internal},
		"no token":            {func(r *build.Request) { r.Source.Token = "" }, fault.Internal},
		"dockerfile outside":  {func(r *build.Request) { r.Dockerfile = "../Dockerfile" }, fault.Invalid},
		"dockerfile absolute": {func(r *build.Request) { r.Dockerfile = "/etc/passwd" }, fault.Invalid},
		"dockerfile a URL":    {func(r *build.Request) { r.Dockerfile = "a/../../x" }, fault.Invalid},
		"no dockerfile":       {func(r *build.Request) { r.Dockerfile = "" }, fault.Invalid},
		"target a flag":       {func(r *build.Request) { r.Target = "--force" }, fault.Invalid},
		"target with a space": {func(r *build.Request) { r.Target = "a b" }, fault.Invalid},
		"platform":            {func(r *build.Request) { r.Platform = "linux" }, fault.Invalid},
		"argument's name":     {func(r *build.Request) { r.Args = map[string]string{"A B": ""} }, fault.Invalid},
		"argument without":    {func(r *build.Request) { r.Args = map[string]string{"": "x"} }, fault.Invalid},
		"argument with =":     {func(r *build.Request) { r.Args = map[string]string{"A=B": "x"} }, fault.Invalid},
		"argument too long":   {func(r *build.Request) { r.Args = map[string]string{"A": strings.Repeat("x", maxArgBytes+1)} }, fault.Invalid},
		"argument with zero":  {func(r *build.Request) { r.Args = map[string]string{"A": "\x00"} }, fault.Invalid},
		"too many arguments":  {func(r *build.Request) { r.Args = many }, fault.Invalid},
		"too large arguments": {func(r *build.Request) { r.Args = large }, fault.Invalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := testRequest(t)
			test.change(&request)
			if _, err := NewJob(request, testConfig()); fault.CodeOf(err) != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
	if _, err := NewJob(testRequest(t), Config{Image: "x"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("without an executor: %v, want invalid", err)
	}
}

func TestNewJobIsPure(t *testing.T) {
	request := testRequest(t)
	request.Args = map[string]string{"A": "1", "B": "2", "C": "3"}
	before := maps.Clone(request.Args)
	first, err := NewJob(request, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := NewJob(request, testConfig())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("two calls differ:\n%s", diff)
		}
	}
	if diff := cmp.Diff(before, request.Args); diff != "" {
		t.Errorf("the request was changed:\n%s", diff)
	}
}
