package forges

import (
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
)

// Forge is what a forge's driver offers.
type Forge struct {
	Driver scm.Driver
	// Report returns a Reporter, which is also a scm.Hooks, and a scm.Deployer
	// or scm.Annotator where the forge has such things.
	Report func(scm.Access) (scm.Reporter, error)
}

// All returns the forges by the name that a project's repositories use.
func All() map[string]Forge {
	return map[string]Forge{
		"bitbucket": {bitbucket.New(), reporting(bitbucket.NewReporter)},
		"gitea":     {gitea.New(), reporting(gitea.NewReporter)},
		"github":    {github.New(), reporting(github.NewReporter)},
		"gitlab":    {gitlab.New(), reporting(gitlab.NewReporter)},
	}
}

// Drivers returns the drivers alone, for the webhook receiver.
func Drivers() map[string]scm.Driver {
	drivers := map[string]scm.Driver{}
	for name, forge := range All() {
		drivers[name] = forge.Driver
	}
	return drivers
}

// reporting makes a constructor of the interface, which is nil on an error.
func reporting[R scm.Reporter](create func(scm.Access) (R, error)) func(scm.Access) (scm.Reporter, error) {
	return func(access scm.Access) (scm.Reporter, error) {
		reporter, err := create(access)
		if err != nil {
			return nil, err
		}
		return reporter, nil
	}
}
