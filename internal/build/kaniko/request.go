package kaniko

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Limits of what a project file may hand to the executor.
const (
	maxArgs      = 100
	maxArgBytes  = 8 << 10
	maxArgsBytes = 64 << 10
	maxPathBytes = 1024
)

// The forms of what becomes an argument of the executor.
var (
	hashForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	argForm      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	targetForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	platformForm = regexp.MustCompile(`^[a-z0-9]{1,20}/[a-z0-9]{1,20}(/[a-z0-9]{1,20})?$`)
)

// validate refuses a request that can't become a Job, or would become another
// one than it says.
func validate(r build.Request) error {
	switch {
	case !hashForm.MatchString(r.Hash):
		return fault.New(fault.Invalid, "%.80q is no input hash", r.Hash)
	case r.Namespace == "" || r.Repository == "" || r.Source.URL == "" || r.Source.Token == "":
		return fault.New(fault.Internal, "the build of %s lacks a namespace, a repository or a source", r.Hash)
	case len(r.Dockerfile) > maxPathBytes || strings.ContainsRune(r.Dockerfile, 0) || !filepath.IsLocal(r.Dockerfile):
		return fault.New(fault.Invalid, "build.dockerfile %.200q leads outside the context; name a file below it", r.Dockerfile)
	case r.Target != "" && !targetForm.MatchString(r.Target):
		return fault.New(fault.Invalid, "build.target %.200q is no name of a build stage; correct it", r.Target)
	case !platformForm.MatchString(r.Platform):
		return fault.New(fault.Invalid, "%.80q is no platform; write os/architecture, such as linux/amd64", r.Platform)
	}
	return validateArgs(r.Args)
}

func validateArgs(args map[string]string) error {
	if len(args) > maxArgs {
		return fault.New(fault.Invalid, "build.args has %d entries, more than the %d allowed; use fewer", len(args), maxArgs)
	}
	total := 0
	for key, value := range args {
		total += len(key) + len(value)
		if !argForm.MatchString(key) {
			return fault.New(fault.Invalid, "build.args: %.100q is no name of an argument; use letters, digits and underscores", key)
		}
		if len(value) > maxArgBytes || strings.ContainsRune(value, 0) {
			return fault.New(fault.Invalid, "build.args.%s is longer than the %d bytes allowed, or holds a zero byte; put it into a file of the context", key, maxArgBytes)
		}
	}
	if total > maxArgsBytes {
		return fault.New(fault.Invalid, "build.args has %d bytes, more than the %d allowed; put them into a file of the context", total, maxArgsBytes)
	}
	return nil
}
