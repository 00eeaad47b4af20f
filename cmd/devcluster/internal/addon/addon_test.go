package addon

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
)

func TestObjects(t *testing.T) {
	config := Config{DNSImage: "registry/coredns:1", IngressImage: "registry/skipper:1", IngressPort: 8080, IngressSupportPort: 25000}
	for name, objects := range map[string][]runtime.Object{
		"pods.yaml": config.Objects(), "policies.yaml": PolicyAgent(), "volumes.yaml": VolumeProvisioner(),
	} {
		var documents []string
		for _, object := range objects {
			raw, err := yaml.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, string(raw))
		}
		all := strings.Join(documents, "---\n")
		golden.Compare(t, name, all)
		if strings.Contains(all, "'*'") {
			t.Errorf("%s: a role may do everything", name)
		}
	}
}
