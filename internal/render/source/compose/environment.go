package compose

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// environment lays environment over the env files, as Compose does.
func (e *expansion) environment(name string, from service, in *workload.Input) error {
	env := map[string]string{}
	for _, given := range from.EnvFiles {
		values, err := e.envFile(name, given.Path, given.Format, bool(given.Required), in)
		if err != nil {
			return err
		}
		maps.Copy(env, values)
	}
	for _, variable := range slices.Sorted(maps.Keys(from.Environment)) {
		given, known := e.Variables[variable]
		switch value := from.Environment[variable]; {
		case value != nil:
			env[variable] = *value
		case known && variable != "PWD":
			env[variable] = given
		default:
			e.Warn(e.key(name, "environment", variable), "%s has no value, so it isn't set; write one, or give it in compose.variables of slipway.yaml", variable)
		}
	}
	for variable, value := range env {
		env[variable] = value
	}
	if len(env) > 0 {
		in.Service.Env = env
	}
	return nil
}

// envFile reads a committed file of variables. One that isn't committed, as
// those with secrets should be, stands for a Secret of the stage.
func (e *expansion) envFile(service, given, format string, required bool, in *workload.Input) (map[string]string, error) {
	at := e.key(service, "env_file")
	name, err := tree.Resolve(at, e.Dir, given)
	if err != nil {
		return nil, e.RefuseAs(at, err)
	}
	switch kind, err := e.commit.Look(at, name); {
	case err != nil:
		return nil, e.RefuseAs(at, err)
	case kind != file.RegularFile && !required:
		return nil, nil
	case kind != file.RegularFile:
		secret := volumeName(name)
		in.Service.Secrets = append(in.Service.Secrets, secret)
		e.Warn(at, "%s is not in this commit: its variables come from the Secret %s, which the stage must have; slipway seal makes one", tree.Quote(name), secret)
		return nil, nil
	}
	data, err := e.commit.File(at, name)
	if err != nil {
		return nil, e.RefuseAs(at, err)
	}
	if format == "raw" {
		return rawVariables(string(data)), nil
	}
	values, err := dotenv.UnmarshalBytesWithLookup(data, func(name string) (string, bool) { value, known := e.Variables[name]; return value, known })
	if err != nil {
		e.Refuse(at, "%s can't be read; write lines like NAME=value", tree.Quote(path.Clean(name)))
	}
	return values, nil
}

// rawVariables takes values as they are.
func rawVariables(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, value, found := strings.Cut(line, "="); found && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			values[strings.TrimSpace(name)] = value
		}
	}
	return values
}
