package kaniko

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/build"
)

// executorArgs returns the executor's flags. Each value is a part of one
// argument: no shell ever sees it.
func executorArgs(r build.Request, config Config) ([]string, error) {
	args := []string{
		"--context=dir://" + sourceDir,
		"--dockerfile=" + path.Join(sourceDir, r.Dockerfile),
		"--custom-platform=" + r.Platform,
		"--no-push",
		"--tar-path=" + imageFile,
		"--digest-file=" + messageLog,
		"--snapshot-mode=redo",
		"--compressed-caching=false",
		"--cache=false",
	}
	if r.Target != "" {
		args = append(args, "--target="+r.Target)
	}
	for _, mirror := range config.Mirrors {
		args = append(args, "--registry-mirror="+mirror)
	}
	for _, host := range config.Insecure {
		args = append(args, "--insecure-registry="+host)
	}
	all, err := build.PlatformArgs(r.Args, r.Platform)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "--build-arg="+key+"="+all[key])
	}
	return args, nil
}

// literal keeps Kubernetes from replacing $(NAME) in arguments.
func literal(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = strings.ReplaceAll(arg, "$", "$$")
	}
	return out
}
