package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/detect"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
)

// initialised finds whole repositories, of which init makes a project file.
func initialised(corpus string) ([]candidate, error) {
	repositories, err := os.ReadDir(corpus)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, repository := range repositories {
		if !repository.IsDir() || strings.HasPrefix(repository.Name(), ".") {
			continue
		}
		c := candidate{repository: repository.Name(), root: filepath.Join(corpus, repository.Name()), name: "."}
		c.try = func(ctx context.Context) outcome { return tryInit(ctx, c) }
		all = append(all, c)
	}
	return all, nil
}

// tryInit makes a project file of a repository, as slipway init does. It is
// accepted when something of it can be deployed: what is left out is a warning.
func tryInit(ctx context.Context, c candidate) outcome {
	checker, err := offline.NewChecker(&offline.Rendering{}, inProcess{})
	if err != nil {
		return refused(err)
	}
	_, name, _ := strings.Cut(c.repository, "+")
	about := detect.About{Name: found.ProjectName(name), Owner: "field", OwnerFrom: "the field"}
	start, err := detect.Make(ctx, os.DirFS(c.root), about, checker)
	switch {
	case fault.CodeOf(err) == fault.NotFound && err != nil:
		return outcome{refused: strings.Split(fault.MessageOf(err), "\n")}
	case err != nil:
		return refused(err)
	}
	made := outcome{objects: len(start.Services)}
	for _, service := range start.Services {
		made.warnings = append(made.warnings, "service "+service.Name+" from "+service.Why)
	}
	for _, left := range start.Left {
		made.warnings = append(made.warnings, "left out "+left.Where+": "+left.Reason)
	}
	made.warnings = append(made.warnings, start.Hints...)
	return made
}
