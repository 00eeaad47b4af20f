package compose

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// defaultSize is a volume's when the file says none.
const defaultSize = "1Gi"

// volume is a persistent volume that one service or several use.
type volume struct {
	name string // in the stage
	size string
	// users are the services that mount it. When there are several, or one has
	// replicas or is a Job, it has a claim of its own.
	users []string
	claim bool
}

// findVolumes finds out who uses which persistent volume.
func (e *expansion) findVolumes() {
	for _, name := range e.taken {
		for i, mount := range e.Project.Services[name].Volumes {
			if mount.Type != types.VolumeTypeVolume || mount.Source == "" {
				continue
			}
			if _, declared := e.Project.Volumes[mount.Source]; !declared {
				e.Refuse(e.key(name, "volumes", strconv.Itoa(i)), "the volume %s is not declared; add it to the top-level volumes", tree.Quote(mount.Source))
			}
			e.use(name, mount.Source, volumeName(mount.Source), e.volumeSize(mount.Source), e.key(name, "volumes", strconv.Itoa(i)))
		}
	}
}

// use notes that a service mounts a volume, which has a key of its own.
func (e *expansion) use(service, key, name, size string, at tree.Place) *volume {
	v := e.volumes[key]
	if v == nil {
		for other, known := range e.volumes {
			if known.name == name {
				e.Refuse(at, "the volume is called %s here, as %s is too; rename one of them", name, tree.Quote(other))
			}
		}
		v = &volume{name: name, size: size}
		e.volumes[key] = v
	}
	if !slices.Contains(v.users, service) {
		v.users = append(v.users, service)
	}
	from := e.Project.Services[service]
	v.claim = len(v.users) > 1 || v.claim || e.once[service] || replicasOf(from) > 1
	return v
}

// volumeName makes a name that Kubernetes can have.
func volumeName(name string) string {
	name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if name == "" {
		name = "volume"
	}
	return strings.TrimRight(name[:min(len(name), 40)], "-")
}

// volumeSize returns x-slipway.size of a top-level volume.
func (e *expansion) volumeSize(name string) string {
	extension, given := e.Project.Volumes[name].Extensions["x-slipway"]
	if !given {
		return defaultSize
	}
	var settings struct {
		Size string `json:"size"`
	}
	at := e.At("volumes", name, "x-slipway")
	if err := decodeExtension(extension, &settings); err != nil {
		e.Refuse(at, "%s; it has size only", brief(err))
	} else if size, err := resource.ParseQuantity(settings.Size); err != nil || size.Sign() <= 0 {
		e.Refuse(at, "size is %s; write an amount like 5Gi", tree.Quote(settings.Size))
	}
	return settings.Size
}

// volumeMounts mounts persistent volumes, files of the commit and empty
// directories.
func (e *expansion) volumeMounts(name string, from service, in *workload.Input) error {
	hidden, err := e.binds(name, from, in)
	if err != nil {
		return err
	}
	for i, mount := range from.Volumes {
		at := e.key(name, "volumes", strconv.Itoa(i))
		if !path.IsAbs(mount.Target) {
			e.Refuse(at, "the target %s is no absolute path; start it with a slash", tree.Quote(mount.Target))
			continue
		}
		switch mount.Type {
		case types.VolumeTypeBind:
		case types.VolumeTypeTmpfs:
			scratch := workload.Scratch{Path: mount.Target}
			if mount.Tmpfs != nil && mount.Tmpfs.Size > 0 {
				scratch.Size, scratch.Memory = bytesQuantity(int64(mount.Tmpfs.Size)), true
			}
			in.Scratch = append(in.Scratch, scratch)
		case types.VolumeTypeVolume:
			if below := slices.IndexFunc(hidden, func(target string) bool { return tree.Inside(target, mount.Target) }); below >= 0 {
				e.Warn(at, "%s is left out with the source code at %s: the image has it", mount.Target, hidden[below])
				e.unuse(name, mount.Source)
				continue
			}
			e.mountVolume(name, mount, in)
		default:
			e.Refuse(at, "a volume of type %s is not supported; use a named volume", tree.Quote(mount.Type))
		}
	}
	e.tmpfs(name, from, in)
	if from.ShmSize > 0 {
		in.Scratch = append(in.Scratch, workload.Scratch{Path: "/dev/shm", Size: bytesQuantity(int64(from.ShmSize)), Memory: true})
	}
	e.checkTargets(name, in)
	return nil
}

// unuse notes that a service doesn't mount a volume after all.
func (e *expansion) unuse(service, key string) {
	if v := e.volumes[key]; v != nil {
		v.users = slices.DeleteFunc(v.users, func(user string) bool { return user == service })
		v.claim = len(v.users) > 1 || slices.ContainsFunc(v.users, func(user string) bool {
			return e.once[user] || replicasOf(e.Project.Services[user]) > 1
		})
	}
}

// mountVolume mounts a persistent volume; one without a name is of its service
// alone.
func (e *expansion) mountVolume(name string, from volumeConfig, in *workload.Input) {
	mount := workload.Mount{Path: path.Clean(from.Target), ReadOnly: from.ReadOnly}
	if from.Volume != nil {
		mount.SubPath = from.Volume.Subpath
	}
	if from.Source == "" {
		if e.once[name] {
			in.Scratch = append(in.Scratch, workload.Scratch{Path: mount.Path})
			return
		}
		own := project.Volume{Path: mount.Path, Size: defaultSize}
		mount.Volume = workload.VolumeName(own)
		in.Service.Volumes = append(in.Service.Volumes, own)
		in.Mounts = append(in.Mounts, mount)
		return
	}
	e.addMount(e.volumes[from.Source], mount, in)
}

// addMount mounts a volume. Whether its pods have a claim each is known when
// all mounts are.
func (e *expansion) addMount(v *volume, mount workload.Mount, in *workload.Input) {
	mount.Volume = v.name
	in.Mounts = append(in.Mounts, mount)
	if !slices.ContainsFunc(in.Service.Volumes, func(known project.Volume) bool { return known.Name == v.name }) {
		in.Service.Volumes = append(in.Service.Volumes, project.Volume{Path: mount.Path, Size: v.size, Name: v.name})
	}
}

// shareVolumes gives volumes of several pods a claim of their own, which the
// first service brings, and keeps those pods on one node.
func (e *expansion) shareVolumes() {
	groups := map[string]string{} // by service
	for _, key := range slices.Sorted(maps.Keys(e.volumes)) {
		v := e.volumes[key]
		if !v.claim {
			continue
		}
		for i, user := range v.users {
			in := e.inputs[user]
			own := slices.IndexFunc(in.Service.Volumes, func(known project.Volume) bool { return known.Name == v.name })
			if own < 0 {
				continue
			}
			in.Service.Volumes = slices.Delete(in.Service.Volumes, own, own+1)
			claim := project.Volume{Name: v.name}
			if i == 0 {
				claim.Size = v.size
			}
			in.Claims = append(in.Claims, claim)
			e.join(groups, v.users[0], user, v.name)
		}
	}
	for service, group := range groups {
		e.inputs[service].Together = group
	}
}

// join puts two services into one group, with all that are in theirs.
func (e *expansion) join(groups map[string]string, a, b, name string) {
	for _, service := range []string{a, b} {
		if groups[service] == "" {
			groups[service] = name
		}
	}
	from, into := groups[b], groups[a]
	for service, group := range groups {
		if group == from {
			groups[service] = into
		}
	}
}

// tmpfs makes empty directories.
func (e *expansion) tmpfs(name string, from service, in *workload.Input) {
	for i, given := range from.Tmpfs {
		target, options, _ := strings.Cut(given, ":")
		scratch := workload.Scratch{Path: target}
		for option := range strings.SplitSeq(options, ",") {
			what, value, _ := strings.Cut(option, "=")
			var size types.UnitBytes
			switch err := size.DecodeMapstructure(value); {
			case what == "size" && err == nil && size > 0:
				scratch.Size, scratch.Memory = bytesQuantity(int64(size)), true
			case what != "" && what != "rw":
				e.Warn(e.key(name, "tmpfs", strconv.Itoa(i)), "everybody may write there; %s is left out", tree.Quote(option))
			}
		}
		in.Scratch = append(in.Scratch, scratch)
	}
}

// checkTargets refuses two mounts at one path, which Kubernetes can't do.
func (e *expansion) checkTargets(name string, in *workload.Input) {
	seen := map[string]bool{}
	var targets []string
	for _, mount := range in.Mounts {
		targets = append(targets, mount.Path)
	}
	for _, scratch := range in.Scratch {
		targets = append(targets, path.Clean(scratch.Path))
	}
	targets = slices.Concat(targets, slices.Sorted(maps.Keys(in.Files)), slices.Sorted(maps.Keys(in.Directories)))
	for _, target := range targets {
		if seen[target] {
			e.Refuse(e.key(name, "volumes"), "two things are mounted at %s; remove one of them", tree.Quote(target))
		}
		seen[target] = true
	}
}

func bytesQuantity(bytes int64) string {
	return resource.NewQuantity(bytes, resource.BinarySI).String()
}
