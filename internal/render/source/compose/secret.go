package compose

import (
	"path"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// configs mounts files.
func (e *expansion) configs(name string, from service, in *workload.Input) error {
	for i, config := range from.Configs {
		at := e.key(name, "configs", strconv.Itoa(i))
		given, known := e.Project.Configs[config.Source]
		if !known {
			e.Refuse(at, "the config %s is not declared; add it to the top-level configs", tree.Quote(config.Source))
			continue
		}
		text, value := given.Content, ""
		switch {
		case given.File != "":
			where := e.At("configs", config.Source, "file")
			data, found, err := e.committed(where, given.File)
			if err != nil {
				return err
			}
			if text = string(data); !found {
				e.Refuse(where, "%s does not exist in this commit; commit it or correct the path", tree.Quote(given.File))
			}
		case given.Environment != "":
			if value = e.Variables[given.Environment]; value == "" {
				e.Refuse(e.At("configs", config.Source, "environment"), "the variable %s has no value; give it one in compose.variables of slipway.yaml", given.Environment)
			}
			text = value
		case text == "" && !bool(given.External):
			e.Refuse(e.At("configs", config.Source), "the config has neither content nor file; give one")
		}
		e.mountFile(at, config.Target, "/"+config.Source, text, in)
	}
	return nil
}

// mountFile mounts a text at an absolute path.
func (e *expansion) mountFile(at tree.Place, target, otherwise, text string, in *workload.Input) {
	if target == "" {
		target = otherwise
	}
	if !path.IsAbs(target) {
		e.Refuse(at, "the target %s is no absolute path; start it with a slash", tree.Quote(target))
		return
	}
	if in.Files == nil {
		in.Files = map[string]string{}
	}
	in.Files[path.Clean(target)] = text
}

// committed reads a file that a Compose file names, if the commit has it.
func (e *expansion) committed(at tree.Place, given string) (data []byte, found bool, err error) {
	name, err := tree.Resolve(at, e.Dir, given)
	if err != nil {
		return nil, true, e.RefuseAs(at, err)
	}
	kind, err := e.commit.Look(at, name)
	if err != nil {
		return nil, true, e.RefuseAs(at, err)
	}
	if kind != file.RegularFile {
		return nil, false, nil
	}
	if data, err = e.commit.File(at, name); err != nil {
		return nil, true, e.RefuseAs(at, err)
	}
	return data, true, nil
}

// secretsDir is where Compose mounts secrets.
const secretsDir = "/run/secrets"

// secrets mounts keys of Secrets of the stage, and committed files.
func (e *expansion) secrets(name string, from service, in *workload.Input) error {
	for i, secret := range from.Secrets {
		at := e.key(name, "secrets", strconv.Itoa(i))
		given, known := e.Project.Secrets[secret.Source]
		if !known {
			e.Refuse(at, "the secret %s is not declared; add it to the top-level secrets", tree.Quote(secret.Source))
			continue
		}
		target := secret.Target
		if target == "" {
			target = secret.Source
		}
		if !path.IsAbs(target) {
			target = path.Join(secretsDir, target)
		}
		where := e.At("secrets", secret.Source)
		switch {
		case given.File != "" && !bool(given.External):
			data, found, err := e.committed(where, given.File)
			if err != nil {
				return err
			}
			if found {
				e.Warn(where, "its value is committed in %s, where everybody reads it: make it a Secret of the stage (external: true), and a new value", tree.Quote(given.File))
				e.mountFile(at, target, "", string(data), in)
				continue
			}
		case given.Content != "":
			e.Warn(where, "its value is in the file, where everybody reads it: make it a Secret of the stage (external: true), and a new value")
			e.mountFile(at, target, "", given.Content, in)
			continue
		}
		e.mountSecret(secret.Source, target, in)
	}
	return nil
}

// mountSecret mounts a key of a Secret that the stage holds.
func (e *expansion) mountSecret(source, target string, in *workload.Input) {
	given := e.Project.Secrets[source]
	settings := struct {
		Secret string `json:"secret"`
		Key    string `json:"key"`
	}{Key: source}
	if given.Name != "" {
		settings.Key = given.Name
	}
	settings.Secret = strings.Trim(notInName.ReplaceAllString(strings.ToLower(settings.Key), "-"), "-")
	at := e.At("secrets", source)
	if extension, found := given.Extensions["x-slipway"]; found {
		if err := decodeExtension(extension, &settings); err != nil {
			e.Refuse(e.At("secrets", source, "x-slipway"), "%s; it has secret and key only", brief(err))
			return
		}
	}
	if !bool(given.External) {
		e.Warn(at, "the commit doesn't hold its value: the stage must have a Secret %s with the key %s", settings.Secret, settings.Key)
	}
	if in.SecretFiles == nil {
		in.SecretFiles = map[string]workload.SecretKey{}
	}
	in.SecretFiles[target] = workload.SecretKey{Secret: settings.Secret, Key: settings.Key}
}
