package helm_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/project"
)

// Slipway's own chart is one, and holds what keeps people apart: tests of the
// server read single files of it, without Helm.
func TestOwnChart(t *testing.T) {
	files := map[string]string{}
	own := os.DirFS("../../../../charts/slipway")
	err := fs.WalkDir(own, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(own, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rendered, _, err := chart(t, files, project.Helm{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, document := range strings.Split("\n"+rendered, "\n---\n") {
		var object struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name   string            `json:"name"`
				Labels map[string]string `json:"labels"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Errorf("%v in:\n%s", err, document)
		}
		found[object.Kind+"/"+object.Metadata.Name] = object.Metadata.Labels["app.kubernetes.io/name"] == "slipway"
	}
	for _, wanted := range []string{
		"ValidatingAdmissionPolicy/slipway-releases", "ValidatingAdmissionPolicyBinding/slipway-releases",
		"ValidatingAdmissionPolicy/slipway-stages", "ValidatingAdmissionPolicyBinding/slipway-stages",
		"ValidatingAdmissionPolicy/slipway-status", "ValidatingAdmissionPolicyBinding/slipway-status",
		"ClusterRole/slipway", "ClusterRole/slipway-stage", "ClusterRole/slipway-member", "ClusterRole/slipway-operator",
	} {
		if !found[wanted] {
			t.Errorf("the chart has no %s with its labels", wanted)
		}
	}
	if !strings.Contains(rendered, "request.userInfo.username != 'system:serviceaccount:stage:slipway'") {
		t.Error("the policies don't except the server's account in the release's namespace")
	}
}
