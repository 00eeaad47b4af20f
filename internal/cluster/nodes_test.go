package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func node(name, system string, handlers ...corev1.NodeRuntimeHandler) corev1.Node {
	return corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: system}, RuntimeHandlers: handlers},
	}
}

func handler(name string, userNamespaces *bool) corev1.NodeRuntimeHandler {
	return corev1.NodeRuntimeHandler{Name: name, Features: &corev1.NodeRuntimeHandlerFeatures{UserNamespaces: userNamespaces}}
}

func TestNodesWithoutUserNamespaces(t *testing.T) {
	var nodes Nodes
	for _, one := range []corev1.Node{
		node("has", "linux", handler("other", new(false)), handler("", new(true))),
		node("has-not", "linux", handler("", new(false))),
		node("only-another-handler", "linux", handler("other", new(true))),
		node("says-nothing", "linux"),
		node("says-no-features", "linux", corev1.NodeRuntimeHandler{}),
		node("says-not-this-one", "linux", handler("", nil)),
		node("starts", "", handler("", new(true))),
		node("windows", "windows"),
	} {
		nodes.add(one)
	}
	want := Nodes{Number: 7, WithoutUserNamespaces: []string{"has-not", "only-another-handler", "says-nothing", "says-no-features", "says-not-this-one"}}
	if diff := cmp.Diff(want, nodes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
