package netpol

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"
)

// start runs an agent over the objects until the test ends, and returns what
// it writes to and the socket on which it serves.
func start(t *testing.T, objects ...runtime.Object) (*knftables.Fake, *fake.Clientset, string) {
	t.Helper()
	client := fake.NewClientset(objects...)
	nft := knftables.NewFake(knftables.IPv4Family, "slipway-netpol")
	agent, err := NewAgent(client, nft, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 2)
	go func() { ended <- agent.Run(ctx, func() { close(ready) }) }()
	<-ready
	listener, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- agent.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return nft, client, socket
}

func denyAll() *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "deny"},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"Egress"}},
	}
}

// call runs the network plugin as containerd does.
func call(command, socket, result string) (string, int) {
	env := map[string]string{"CNI_COMMAND": command, "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web"}
	var out bytes.Buffer
	code := Plugin(func(name string) string { return env[name] },
		strings.NewReader(`{"cniVersion":"1.0.0","name":"n","type":"slipway-netpol","socket":"`+socket+`","prevResult":`+result+`}`), &out)
	return out.String(), code
}

const given = `{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}],"dns":{}}`

func TestRulesHoldBeforeTheFirstContainer(t *testing.T) {
	starting := newPod("shop", "web", "", nil)
	starting.Status.Phase = corev1.PodPending
	nft, _, socket := start(t, starting, newNamespace("shop"), denyAll())
	if strings.Contains(nft.Dump(), "10.0.0.2") {
		t.Fatal("restricted before it has an address")
	}
	out, code := call("ADD", socket, given)
	if code != 0 || out != given {
		t.Errorf("plugin: %d %s, want the previous result", code, out)
	}
	if !strings.Contains(nft.Dump(), "10.0.0.2") {
		t.Errorf("not restricted when the plugin returns:\n%s", nft.Dump())
	}
}

func TestPluginFailsClosed(t *testing.T) {
	tests := map[string]struct{ command, socket, result, want string }{
		"no agent":        {"ADD", "/nowhere/s", given, "devcluster up"},
		"no address":      {"ADD", "/nowhere/s", `{"ips":[]}`, "no address"},
		"damaged result":  {"ADD", "/nowhere/s", `{"ips":[{"address":"x"}]}`, "parse previous result"},
		"unknown command": {"DANCE", "/nowhere/s", given, "unknown command"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out, code := call(test.command, test.socket, test.result)
			if code != 1 || !strings.Contains(out, test.want) || !strings.Contains(out, `"code":100`) {
				t.Errorf("%d %s, want 1 and %q", code, out, test.want)
			}
		})
	}
	for _, command := range []string{"DEL", "CHECK", "VERSION"} { // must work without the agent
		if out, code := call(command, "/nowhere/s", given); code != 0 {
			t.Errorf("%s: %d %s", command, code, out)
		}
	}
}

func TestChangesAreFollowed(t *testing.T) {
	web := newPod("shop", "web", "10.0.0.2", nil)
	nft, client, _ := start(t, web, newNamespace("shop"))
	await := func(what string, holds func(dump string) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !holds(nft.Dump()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not so:\n%s", what, nft.Dump())
			}
		}
	}
	policies := client.NetworkingV1().NetworkPolicies("shop")
	if _, err := policies.Create(t.Context(), denyAll(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await("a new policy restricts", func(dump string) bool { return strings.Contains(dump, "egress-10-0-0-2") })
	if err := policies.Delete(t.Context(), "deny", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await("a removed policy doesn't", func(dump string) bool { return !strings.Contains(dump, "egress-10-0-0-2") })
}

func FuzzPlugin(f *testing.F) {
	f.Add("K8S_POD_NAMESPACE=a;K8S_POD_NAME=b", []byte(`{"socket":"","prevResult":{"ips":[{"address":"10.0.0.2/24"}]}}`))
	f.Fuzz(func(t *testing.T, arguments string, config []byte) {
		env := map[string]string{"CNI_COMMAND": "ADD", "CNI_ARGS": arguments}
		var out bytes.Buffer
		// No configuration names a socket that answers, so every one must fail.
		if code := Plugin(func(name string) string { return env[name] }, bytes.NewReader(config), &out); code == 0 {
			t.Errorf("admitted: %s", out.String())
		}
	})
}
