package offline

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/fault"
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
	Cluster      v1alpha1.ClusterSpec
	Own          Templates
	Templates    render.OwnTemplates
}

// Flags adds the flags that describe the target.
func (s *Target) Flags(command *cobra.Command) {
	s.Own.Flags(command)
	flags := command.Flags()
	flags.StringVarP(&s.Organization, "organization", "n", "local", "the organization; it is part of the namespace's name")
	flags.StringVar(&s.domain, "domain", "", "the cluster's base domain, for the hosts of routes")
	flags.StringVar(&s.clusterFile, "cluster", "", "file with the Cluster object, for its ingress and policy: kubectl get swcluster NAME -o yaml")
}

// Load reads the files that the flags name. It comes before everything else.
func (s *Target) Load() error {
	if s.clusterFile != "" {
		data, err := localfile.Read(s.clusterFile)
		if err != nil {
			return err
		}
		var object v1alpha1.Cluster
		if err := yaml.Unmarshal(data, &object); err != nil || object.Kind != "Cluster" {
			return fault.New(fault.Invalid, "%s holds no Cluster object; write one there with kubectl get swcluster NAME -o yaml", s.clusterFile)
		}
		s.Cluster = object.Spec
	}
	if s.domain != "" {
		s.Cluster.Ingress.Domain = s.domain
	}
	var err error
	s.Templates, err = s.Own.Load()
	return err
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
		SharedClass:     s.Cluster.Storage.SharedClass,
	}
}
