package seed

import (
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// recipe is one image: settings over a stack of layers.
type recipe struct {
	name string
	// refs are REPOSITORY:TAG in the registry; library/ is where docker.io
	// keeps the images that have no owner in their name.
	refs    []string
	summary string
	top     *layer
	config  oci.Config
}

// Listing is one image as `seed --list` shows it.
type Listing struct {
	Name    string
	Tags    []string
	Summary string
}

// List names every image that can be seeded, in the order of Names.
func (s *Seeder) List() []Listing {
	var all []Listing
	for _, recipe := range s.machine.recipes() {
		all = append(all, Listing{Name: recipe.name, Tags: recipe.refs, Summary: recipe.summary})
	}
	return all
}

// Names lists what Push takes.
func (s *Seeder) Names() []string {
	var names []string
	for _, listing := range s.List() {
		names = append(names, listing.Name)
	}
	return names
}

// recipes is the whole catalogue. Images that rest on others share their layers.
func (m machine) recipes() []recipe {
	debian := m.debianLayer()
	all := []recipe{
		m.pause(),
		m.busybox(),
		m.debian(debian),
		m.golang(debian),
		m.redis(debian),
		m.postgres(debian),
		m.mariadb(debian),
		m.nginx(debian),
		m.node(debian),
		m.python(debian),
		m.kaniko(),
	}
	for i := range all {
		title, _, _ := strings.Cut(all[i].name, ":")
		all[i].config.Labels = map[string]string{
			"org.opencontainers.image.title":       title,
			"org.opencontainers.image.description": all[i].summary,
		}
	}
	return all
}
