//go:build integration

package apply

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// The claims of a StatefulSet grow, and it is made anew around its pods.
func TestStatefulSetVolumesGrow(t *testing.T) {
	for _, expandable := range []bool{true, false} {
		t.Run(fmt.Sprintf("expandable: %t", expandable), func(t *testing.T) {
			s := newStage(t)
			class := s.owner.Organization + "-disk"
			s.kubectl(fmt.Sprintf("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: %s}\nprovisioner: example.com/disk\nallowVolumeExpansion: %t\n", class, expandable), "create", "-f", "-")
			sized := func(size string) string {
				return manifests(strings.Replace(statefulSet("db", "registry.example/db:1", size), "accessModes:", "storageClassName: "+class+"\n      accessModes:", 1), configMap("other", size))
			}
			s.other(claim("data-db-x", "64Mi"))
			s.disk(class, "data-db-0")
			s.apply(sized("64Mi"))
			uid := s.field("sts/db", ".metadata.uid")
			s.bound("data-db-0")
			if !expandable {
				problem := s.refused(sized("128Mi"))
				if problem.Ref.Kind != "StatefulSet" || !strings.Contains(problem.Words, "data-db-0") || !strings.Contains(problem.Remedy, "allowVolumeExpansion") {
					t.Errorf("%v", problem)
				}
				if s.field("sts/db", ".metadata.uid") != uid || s.field("pvc/data-db-0", ".spec.resources.requests.storage") != "64Mi" {
					t.Error("something was changed")
				}
				return
			}
			report := s.apply(sized("128Mi"))
			if len(report.Replaced) != 1 || s.field("sts/db", ".metadata.uid") == uid {
				t.Errorf("%+v", report)
			}
			if got := s.field("pvc/data-db-0", ".spec.resources.requests.storage") + s.field("pvc/data-db-x", ".spec.resources.requests.storage") + s.field("sts/db", ".spec.volumeClaimTemplates[0].spec.resources.requests.storage"); got != "128Mi64Mi128Mi" {
				t.Errorf("sizes: %s", got)
			}
			if report := s.apply(sized("128Mi")); report.Unchanged != 2 {
				t.Errorf("not settled: %+v", report)
			}
		})
	}
}

// The reason why a claim can't grow is its storage class.
func TestClaimOfAFixedClass(t *testing.T) {
	s := newStage(t)
	class := s.owner.Organization + "-fixed"
	s.kubectl("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: "+class+"}\nprovisioner: example.com/disk\n", "create", "-f", "-")
	sized := func(size string) string {
		return manifests(strings.Replace(claim("files", size), "accessModes:", "storageClassName: "+class+"\n  accessModes:", 1))
	}
	s.disk(class, "files")
	s.apply(sized("64Mi"))
	s.bound("files")
	problem := s.refused(sized("128Mi"))
	if problem.Reason != cause.Immutable || problem.Code != fault.Invalid || !strings.Contains(problem.Remedy, "its storage class does not let volumes grow") {
		t.Errorf("%s: %v", problem.Reason, problem)
	}
}
