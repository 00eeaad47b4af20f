package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

const (
	// locksFile is the file, beside an organization's templates, with what it
	// fixes: parameters and values by template.
	locksFile = "locks.yaml"
	// maxOwn is how many files of templates are read.
	maxOwn = 100
)

// Templates says in which directory an organization's own templates are.
type Templates struct{ directory string }

// Flags adds the flag that names the directory.
func (o *Templates) Flags(command *cobra.Command) {
	command.Flags().StringVar(&o.directory, "templates", "", "directory with the organization's own service templates: slipway templates pull fills it")
}

// Load reads the directory: a descriptor in each YAML file, and locks.
func (o *Templates) Load() (render.OwnTemplates, error) {
	if o.directory == "" {
		return render.OwnTemplates{}, nil
	}
	entries, err := tree.FromFS(os.DirFS(o.directory)).List(".")
	if fault.CodeOf(err) == fault.Invalid {
		return render.OwnTemplates{}, fmt.Errorf("--templates %s: %w", o.directory, err)
	}
	if err != nil {
		return render.OwnTemplates{}, fault.New(fault.NotFound, "--templates %s is no directory; name one with templates in it", o.directory)
	}
	names := yamlFiles(entries)
	if len(names) == 0 || len(names) > maxOwn {
		return render.OwnTemplates{}, fault.New(fault.Invalid, "--templates %s holds %d files NAME.yaml; it must be from 1 to %d", o.directory, len(names), maxOwn)
	}
	all := render.OwnTemplates{Templates: map[string][]byte{}}
	for _, name := range names {
		file := filepath.Join(o.directory, name)
		data, err := localfile.Read(file)
		if err != nil {
			return render.OwnTemplates{}, err
		}
		if filepath.Base(file) != locksFile {
			all.Templates[file] = data
			continue
		}
		if all.Locks, err = parseLocks(file, data); err != nil {
			return render.OwnTemplates{}, err
		}
	}
	return all, render.CheckTemplates(all)
}

// yamlFiles returns the names that may be files of templates.
func yamlFiles(entries []tree.Entry) []string {
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name, ".yaml") && !strings.HasPrefix(entry.Name, ".") {
			names = append(names, entry.Name)
		}
	}
	return names
}

func parseLocks(file string, data []byte) (map[string]map[string]any, error) {
	var asJSON json.RawMessage
	if err := manifest.Unmarshal(data, &asJSON); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %v; write TEMPLATE: {PARAMETER: VALUE}", file, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	var locks map[string]map[string]any
	if err := decoder.Decode(&locks); err != nil {
		return nil, fault.New(fault.Invalid, "%s holds no locks: %v; write TEMPLATE: {PARAMETER: VALUE}", file, err)
	}
	return locks, nil
}

// WriteTemplates writes an organization's templates as Load reads them, and
// returns how many files it wrote.
func WriteTemplates(directory string, all render.OwnTemplates) (int, error) {
	files := map[string][]byte{}
	for name, data := range all.Templates {
		files[strings.ReplaceAll(name, "/", "-")] = data
	}
	if len(all.Locks) > 0 {
		data, err := yaml.Marshal(all.Locks)
		if err != nil {
			return 0, fmt.Errorf("write the locks: %w", err)
		}
		files[locksFile] = data
	}
	return len(files), localfile.WriteAll(directory, files)
}
