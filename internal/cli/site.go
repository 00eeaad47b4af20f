package cli

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// site is what an offline command can't see: whose cluster the stage is on,
// and how that is reached.
type site struct {
	organization string
	domain       string
	clusterFile  string
	cluster      v1alpha1.ClusterSpec
	own          own
	templates    render.OwnTemplates
}

func (s *site) flags(command *cobra.Command) {
	s.own.flags(command)
	flags := command.Flags()
	flags.StringVarP(&s.organization, "organization", "n", "local", "the organization; it is part of the namespace's name")
	flags.StringVar(&s.domain, "domain", "", "the cluster's base domain, for the hosts of routes")
	flags.StringVar(&s.clusterFile, "cluster", "", "file with the Cluster object, for its ingress and policy: kubectl get swcluster NAME -o yaml")
}

// load reads what the flags name.
func (s *site) load() error {
	if s.clusterFile != "" {
		data, err := readSmall(s.clusterFile)
		if err != nil {
			return err
		}
		var object v1alpha1.Cluster
		if err := yaml.Unmarshal(data, &object); err != nil || object.Kind != "Cluster" {
			return fault.New(fault.Invalid, "%s holds no Cluster object; write one there with kubectl get swcluster NAME -o yaml", s.clusterFile)
		}
		s.cluster = object.Spec
	}
	if s.domain != "" {
		s.cluster.Ingress.Domain = s.domain
	}
	var err error
	s.templates, err = s.own.templates()
	return err
}

// place returns where a stage of the project is put.
func (s *site) place(project, stage string) release.Place {
	return release.Place{
		Organization:    s.organization,
		Project:         project,
		Stage:           stage,
		Namespace:       naming.Namespace(s.organization, project, stage),
		Ingress:         s.cluster.Ingress,
		ImagePullSecret: tenancy.PullSecretOf(s.cluster.Registry),
	}
}
