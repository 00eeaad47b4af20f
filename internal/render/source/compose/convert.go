package compose

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// environment lays environment over the env files, as Compose does.
func (e *expansion) environment(name string, from types.ServiceConfig, s *workload.Input) error {
	env := map[string]string{}
	for _, file := range from.EnvFiles {
		data, found := e.files[path.Join(path.Dir(e.file.path), file.Path)]
		if !found {
			continue // not required, and not there
		}
		values, err := dotenv.UnmarshalBytesWithLookup(data, func(string) (string, bool) { return "", false })
		if err != nil {
			return e.file.key(name, "env_file").Refuse("%s can't be read; write lines like NAME=value", tree.Quote(file.Path))
		}
		for key, value := range values {
			env[key] = value
		}
	}
	for key, value := range from.Environment {
		if value == nil {
			return e.file.key(name, "environment").Refuse("%s has no value, and there is no environment to take it from; write a value, or declare the service in slipway.yaml with secrets", tree.Quote(key))
		}
		env[key] = *value
	}
	if len(env) > 0 {
		s.Service.Env = env
	}
	return nil
}

// ports opens the container's ports to the stage; the first is the one that
// routes lead to.
func (e *expansion) ports(name string, from types.ServiceConfig, s *workload.Input) error {
	var numbers []int32
	for _, port := range from.Ports {
		if port.Protocol != "" && port.Protocol != "tcp" {
			e.warn("%s: port %d is %s, and only TCP ports are opened; it is left out", e.file.key(name, "ports"), port.Target, port.Protocol)
			continue
		}
		if port.Target > math.MaxUint16 {
			return e.file.key(name, "ports").Refuse("%d is no port; use one from 1 to 65535", port.Target)
		}
		numbers = append(numbers, int32(port.Target))
	}
	for _, text := range from.Expose {
		number, err := strconv.ParseUint(strings.TrimSuffix(text, "/tcp"), 10, 16)
		if err != nil {
			return e.file.key(name, "expose").Refuse("%s is no TCP port; write one number", tree.Quote(text))
		}
		numbers = append(numbers, int32(number))
	}
	for _, number := range numbers {
		switch {
		case s.Service.Port == 0:
			s.Service.Port = number
		case number != s.Service.Port:
			if s.Service.Ports == nil {
				s.Service.Ports = map[string]int32{}
			}
			s.Service.Ports["port-"+strconv.Itoa(int(number))] = number
		}
	}
	return nil
}

// volumes makes persistent volumes and empty directories.
func (e *expansion) volumes(name string, from types.ServiceConfig, s *workload.Input) error {
	at := e.file.key(name, "volumes")
	for _, volume := range from.Volumes {
		switch volume.Type {
		case types.VolumeTypeVolume:
			if err := e.volume(name, volume, s); err != nil {
				return err
			}
		case types.VolumeTypeTmpfs:
			s.Scratch = append(s.Scratch, volume.Target)
		case types.VolumeTypeBind:
			return at.Refuse("%s is a directory of the machine, which a stage doesn't see; use a named volume, or configs for files of the repository", tree.Quote(volume.Source))
		default:
			return at.Refuse("a volume of type %s is not supported; use a named volume", tree.Quote(volume.Type))
		}
	}
	for _, target := range from.Tmpfs {
		where, _, _ := strings.Cut(target, ":")
		s.Scratch = append(s.Scratch, where)
	}
	return nil
}

func (e *expansion) volume(name string, volume types.ServiceVolumeConfig, s *workload.Input) error {
	size, err := e.volumeSize(volume.Source)
	if err != nil {
		return err
	}
	if owner, taken := e.owners[volume.Source]; taken && volume.Source != "" && owner != name {
		return e.file.key(name, "volumes").Refuse("the volume %s belongs to %s already, and a volume has one service; give each its own", tree.Quote(volume.Source), owner)
	}
	e.owners[volume.Source] = name
	s.Service.Volumes = append(s.Service.Volumes, project.Volume{
		Path: volume.Target, Size: size, Name: strings.ReplaceAll(strings.ToLower(volume.Source), "_", "-"),
	})
	return nil
}

// volumeSize returns x-slipway.size of a top-level volume.
func (e *expansion) volumeSize(name string) (string, error) {
	extension, given := e.file.project.Volumes[name].Extensions["x-slipway"]
	if !given {
		return "1Gi", nil
	}
	var settings struct {
		Size string `json:"size"`
	}
	at := e.file.at(member(member(e.file.root, "volumes"), name), "volumes."+name+".x-slipway")
	if err := decodeExtension(extension, &settings); err != nil {
		return "", at.Refuse("%s; it has size only", brief(err))
	}
	return settings.Size, nil
}

// configs mounts files.
func (e *expansion) configs(name string, from types.ServiceConfig, s *workload.Input) error {
	for _, config := range from.Configs {
		at := e.file.key(name, "configs")
		given, known := e.file.project.Configs[config.Source]
		if !known {
			return at.Refuse("the config %s is not declared; add it to the top-level configs", tree.Quote(config.Source))
		}
		text := given.Content
		switch {
		case given.File != "":
			text = string(e.files[path.Join(path.Dir(e.file.path), given.File)])
		case text == "":
			return at.Refuse("the config %s has neither content nor file; give one", tree.Quote(config.Source))
		}
		target := config.Target
		if target == "" {
			target = "/" + config.Source
		}
		if !path.IsAbs(target) {
			return at.Refuse("the target %s is no absolute path; start it with a slash", tree.Quote(target))
		}
		s.Files[path.Clean(target)] = text
	}
	return nil
}

// health asks with the same command.
func (e *expansion) health(name string, from types.ServiceConfig, s *workload.Input) error {
	check := from.HealthCheck
	if check == nil || check.Disable || len(check.Test) == 0 || check.Test[0] == "NONE" {
		return nil
	}
	health := &project.Health{}
	switch check.Test[0] {
	case "CMD":
		health.Command = check.Test[1:]
	case "CMD-SHELL":
		health.Command = []string{"/bin/sh", "-c", strings.Join(check.Test[1:], " ")}
	default:
		return e.file.key(name, "healthcheck").Refuse("the test starts with %s; use CMD, CMD-SHELL or NONE", tree.Quote(check.Test[0]))
	}
	if check.StartPeriod != nil {
		health.InitialDelay = int32(time.Duration(*check.StartPeriod).Seconds())
	}
	s.Service.Health = health
	return nil
}

// scale takes the number of replicas, wherever it is written.
func (e *expansion) scale(name string, from types.ServiceConfig, s *workload.Input) error {
	replicas := from.Scale
	if from.Deploy != nil && from.Deploy.Replicas != nil {
		replicas = from.Deploy.Replicas
	}
	if replicas == nil {
		return nil
	}
	if *replicas < 0 || *replicas > math.MaxInt16 {
		return e.file.key(name, "scale").Refuse("%d replicas are impossible; write a number from 0", *replicas)
	}
	s.Service.Scale = &project.Scale{Min: int32(*replicas)}
	return nil
}

// resources takes CPU and memory, wherever they are written.
func (e *expansion) resources(_ string, from types.ServiceConfig, s *workload.Input) error {
	cpu, memory := float64(from.CPUS), int64(from.MemLimit)
	if memory == 0 {
		memory = int64(from.MemReservation)
	}
	for _, given := range deployed(from) {
		if given.NanoCPUs > 0 {
			cpu = float64(given.NanoCPUs)
		}
		if given.MemoryBytes > 0 && memory == 0 {
			memory = int64(given.MemoryBytes)
		}
	}
	if cpu > 0 {
		s.Service.Resources.CPU = fmt.Sprintf("%dm", int64(math.Ceil(math.Round(cpu*1e5)/100)))
	}
	if memory > 0 {
		s.Service.Resources.Memory = resource.NewQuantity(memory, resource.BinarySI).String()
	}
	return nil
}

// deployed returns limits and reservations, in this order: requests follow
// the latter.
func deployed(from types.ServiceConfig) []*types.Resource {
	if from.Deploy == nil {
		return nil
	}
	var given []*types.Resource
	for _, one := range []*types.Resource{from.Deploy.Resources.Limits, from.Deploy.Resources.Reservations} {
		if one != nil {
			given = append(given, one)
		}
	}
	return given
}

var userNumber = regexp.MustCompile(`^[0-9]{1,9}$`)

// security asks for what Compose gives by default: a writable root. The user
// is the image's only if it is given as a number.
func (e *expansion) security(name string, from types.ServiceConfig, s *workload.Input) error {
	security := &project.Security{WritableRoot: new(!from.ReadOnly), Capabilities: from.CapAdd}
	s.Service.Security = security
	user, _, _ := strings.Cut(from.User, ":")
	switch {
	case user == "":
	case user == "root" || user == "0":
		security.RunAsRoot = true
	case userNumber.MatchString(user):
		number, err := strconv.ParseInt(user, 10, 64)
		if err != nil {
			return e.file.key(name, "user").Refuse("%s is no user; write its number", tree.Quote(user))
		}
		security.RunAsUser = &number
	default:
		e.warn("%s: the user %s is a name, and Kubernetes needs its number; it is left out", e.file.key(name, "user"), tree.Quote(user))
	}
	return nil
}

// routes reads what Compose has no key for.
func (e *expansion) routes(name string, from types.ServiceConfig, s *workload.Input) error {
	extension, given := from.Extensions["x-slipway"]
	if !given {
		return nil
	}
	var settings struct {
		Routes []project.Route `json:"routes"`
	}
	if err := decodeExtension(extension, &settings); err != nil {
		return e.file.key(name, "x-slipway").Refuse("%s; it has routes only, as in slipway.yaml", brief(err))
	}
	s.Service.Routes = settings.Routes
	return nil
}

// decodeExtension decodes strictly.
func decodeExtension(extension, into any) error {
	text, err := json.Marshal(extension)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
