package workload_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// What an image says completes what the service says, and never changes it.
func TestImageConfig(t *testing.T) {
	database := &project.ImageConfig{User: "999", Ports: []int32{5432}, Volumes: []string{"/var/lib/data"}}
	tests := map[string]struct {
		in      workload.Input
		port    int32 // of the Kubernetes Service, 0 for none
		nonRoot bool
		user    int64 // 0 means the image's
		warns   string
	}{
		"not known":             {},
		"a database":            {in: workload.Input{Config: database}, port: 5432, nonRoot: true, warns: "its image keeps data in /var/lib/data, which is no volume"},
		"its volume":            {in: workload.Input{Config: database, Service: project.Service{Volumes: []project.Volume{{Path: "/var/lib/data", Size: "1Gi"}}}}, port: 5432, nonRoot: true},
		"a volume around it":    {in: workload.Input{Config: database, Service: project.Service{Volumes: []project.Volume{{Path: "/var/lib", Size: "1Gi"}}}}, port: 5432, nonRoot: true},
		"a volume beside it":    {in: workload.Input{Config: database, Scratch: []workload.Scratch{{Path: "/var/lib/data2"}}}, port: 5432, nonRoot: true, warns: "/var/lib/data"},
		"scratch":               {in: workload.Input{Config: database, Scratch: []workload.Scratch{{Path: "/var/lib/data"}}}, port: 5432, nonRoot: true},
		"a port of its own":     {in: workload.Input{Config: database, Service: project.Service{Port: 80}}, port: 80, nonRoot: true, warns: "/var/lib/data"},
		"a command of its own":  {in: workload.Input{Config: database, Service: project.Service{Command: []string{"work"}}}, nonRoot: true, warns: "/var/lib/data"},
		"two ports":             {in: workload.Input{Config: &project.ImageConfig{Ports: []int32{80, 443}}}},
		"root":                  {in: workload.Input{Config: &project.ImageConfig{User: "0:0"}}},
		"a name":                {in: workload.Input{Config: &project.ImageConfig{User: "node"}}},
		"another user":          {in: workload.Input{Config: database, Service: project.Service{Port: 1, Security: &project.Security{RunAsUser: new(int64(7))}}}, port: 1, nonRoot: true, user: 7, warns: "/var/lib/data"},
		"root by the service":   {in: workload.Input{Config: &project.ImageConfig{User: "999"}, Service: project.Service{Security: &project.Security{RunAsRoot: true}}}},
		"restricted":            {in: workload.Input{Config: &project.ImageConfig{User: "999:999"}, PodSecurity: v1alpha1.PodSecurityRestricted}, nonRoot: true, user: 999},
		"restricted, by a name": {in: workload.Input{Config: &project.ImageConfig{User: "node"}, PodSecurity: v1alpha1.PodSecurityRestricted}, nonRoot: true, user: 65532},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.in.Name, tt.in.Image = "db", "db:1"
			objects, warnings, err := workload.Objects(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Join(warnings, "\n"); (said == "") != (tt.warns == "") || !strings.Contains(said, tt.warns) {
				t.Errorf("warnings are %q, want %q", said, tt.warns)
			}
			var port int32
			for _, object := range objects {
				switch body := object.Body.(type) {
				case *corev1.Service:
					port = body.Spec.Ports[0].Port
				case *appsv1.Deployment:
					checkUser(t, body.Spec.Template.Spec.SecurityContext, tt.nonRoot, tt.user)
				case *appsv1.StatefulSet:
					checkUser(t, body.Spec.Template.Spec.SecurityContext, tt.nonRoot, tt.user)
				}
			}
			if port != tt.port {
				t.Errorf("the port is %d, want %d", port, tt.port)
			}
		})
	}
}

func checkUser(t *testing.T, context *corev1.PodSecurityContext, nonRoot bool, user int64) {
	t.Helper()
	if got := context.RunAsNonRoot != nil && *context.RunAsNonRoot; got != nonRoot {
		t.Errorf("runAsNonRoot is %v", context.RunAsNonRoot)
	}
	if context.RunAsUser != nil && *context.RunAsUser != user {
		t.Errorf("runAsUser is %d, want %d", *context.RunAsUser, user)
	}
}
