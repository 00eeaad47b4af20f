package kaniko

import (
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

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
		"--snapshot-mode=full",
		"--ignore-var-run=false",
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

// specification makes the executor follow the Dockerfile's specification where it does
// not by default; cmd/kaniko/README.md says what each switch is for.
func specification() []corev1.EnvVar {
	var switches []corev1.EnvVar
	for _, name := range []string{
		"BUILDKIT_ARG_ENV_PRECEDENCE", "COPY_AS_ROOT", "COPY_CHMOD_ON_IMPLICIT_DIRS", "NO_PROPAGATE_ANNOTATIONS", "PRESERVE_HARDLINKS", "RUN_MOUNT_BIND",
		"VOLUME_SKIP_MKDIR",
	} {
		switches = append(switches, corev1.EnvVar{Name: "FF_KANIKO_" + name, Value: "true"})
	}
	return switches
}

// literal keeps Kubernetes from replacing $(NAME) in arguments.
func literal(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = strings.ReplaceAll(arg, "$", "$$")
	}
	return out
}
