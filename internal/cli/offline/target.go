package offline

import (
	"errors"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// Target is what an offline command can't see: the organization, and the cluster
// that the stage is placed on.
type Target struct {
	Organization string
	domain       string
	clusterFile  string
	projectFile  string
	project      v1alpha1.ProjectSpec
	Cluster      v1alpha1.ClusterSpec
	capabilities render.Capabilities
	Own          Templates
	Templates    render.OwnTemplates
}

// Flags adds the flags that describe the target.
func (s *Target) Flags(command *cobra.Command) {
	s.Own.Flags(command)
	flags := command.Flags()
	flags.StringVarP(&s.Organization, "organization", "n", "local", "the organization; it is part of the namespace's name")
	flags.StringVar(&s.domain, "domain", "", "the cluster's base domain, for the hosts of routes")
	flags.StringVar(&s.clusterFile, "cluster", "", "file with the Cluster object, for its ingress, policy and what it serves: kubectl get swcluster NAME -o yaml")
	flags.StringVar(&s.projectFile, "project-object", "", "file with the Project object, for its policy and hosts: kubectl get swproject NAME -o yaml")
}

// Load reads the files that the flags name. It comes before everything else.
func (s *Target) Load() error {
	var cluster v1alpha1.Cluster
	if err := readObject(s.clusterFile, "Cluster", "swcluster", &cluster); err != nil {
		return err
	}
	var project v1alpha1.Project
	if err := readObject(s.projectFile, "Project", "swproject", &project); err != nil {
		return err
	}
	s.Cluster, s.project = cluster.Spec, project.Spec
	s.capabilities = release.CapabilitiesOf(cluster.Status)
	if s.domain != "" {
		s.Cluster.Ingress.Domain = s.domain
	}
	var err error
	s.Templates, err = s.Own.Load()
	return err
}

// AssumeDomain makes up a base domain where no flag says one, for commands that check
// what doesn't depend on it.
func (s *Target) AssumeDomain() {
	if s.clusterFile == "" && s.domain == "" {
		s.Cluster.Ingress.Domain = "cluster.example"
	}
}

// readObject reads a file with a custom resource; no file leaves the object empty.
func readObject(file, kind, resource string, into client.Object) error {
	if file == "" {
		return nil
	}
	data, err := localfile.Read(file)
	if err != nil {
		return err
	}
	err = manifest.Unmarshal(data, into)
	if err == nil && into.GetObjectKind().GroupVersionKind().Kind != kind {
		err = errors.New("it is of another kind")
	}
	if err != nil {
		return fault.New(fault.Invalid, "%s holds no %s object: %v; write one there with kubectl get %s NAME -o yaml", file, kind, err, resource)
	}
	return nil
}

// Place returns where a stage of a project would be placed.
func (s *Target) Place(project, stage string) release.Place {
	return release.Place{
		Organization:    s.Organization,
		Project:         project,
		Stage:           stage,
		Namespace:       naming.Namespace(s.Organization, project, stage),
		Ingress:         s.Cluster.Ingress,
		ImagePullSecret: tenancy.PullSecretOf(s.Cluster.Registry),
		Policy:          s.Cluster.Policy.For(s.project.Policy),
		Hosts:           s.hosts(),
		SharedClass:     s.Cluster.Storage.SharedClass,
		Capabilities:    s.capabilities,
		Registry:        s.Cluster.Registry,
	}
}

// hosts returns those that the project was given, nil when no flag says so.
func (s *Target) hosts() []string {
	if s.projectFile == "" {
		return nil
	}
	return append([]string{}, s.project.Hosts...)
}
