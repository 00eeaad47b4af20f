package workload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// Input is one service with all that its objects depend on.
type Input struct {
	Name    string
	Service project.Service
	// Expands says that Kubernetes is to put variables' values in place of $(NAME), as
	// templates write them.
	Expands bool
	// Image is the reference that containers run.
	Image string
	// Config is what the image says of itself, nil when it isn't known.
	Config *project.ImageConfig
	// Hosts are what routes without a host of their own are reached at.
	Hosts   []string
	Ingress v1alpha1.Ingress
	// PullSecret names the Secret that images are pulled with, if any.
	PullSecret string
	// PodSecurity is the level that pods are made for.
	PodSecurity v1alpha1.PodSecurity
	// Files are mounted read-only, by absolute path.
	Files map[string]string
	// Directories of files are mounted read-only as a whole: what is in each, by
	// absolute path and relative name.
	Directories map[string]map[string]string
	// SecretFiles are keys of Secrets that are mounted, by absolute path.
	SecretFiles map[string]SecretKey
	// Scratch are empty directories that end with the pod.
	Scratch []Scratch
	// Claims are volumes of several pods, which have claims of their own; the
	// ones with a size are made with this service.
	Claims []project.Volume
	// Mounts say where volumes and claims are mounted; nil means each volume at
	// its path.
	Mounts []Mount
	// Together is a label's value: pods that share it run on one node, as a
	// claim that they share wants it, unless its class is SharedClass.
	Together    string
	SharedClass string
	// WorkingDir is where the container starts; empty means the image's.
	WorkingDir string
	// Grace is the time to end in seconds; 0 means the usual one.
	Grace int64
	// UDP are further ports.
	UDP []int32
	// Names are further names of the Kubernetes Service. Headless makes them,
	// and the service's own, lead to every port of the pods.
	Names    []string
	Headless bool
	// Group is the user's group and Groups are further ones, by number.
	Group  *int64
	Groups []int64
	// Drop are capabilities that the container is not given, whatever others
	// are; ALL stands for those that the service doesn't ask for itself.
	Drop []string
	// Probe says how often Health is asked; nil means as usual.
	Probe *Probe
	// Limits differ from Service.Resources, which are the requests then.
	Limits project.Resources
	// TTY gives the container a terminal, Stdin an open standard input.
	TTY, Stdin bool
	// Once makes the service a Job, which runs once for each version of it.
	Once *Once
	// After names services of the stage whose Jobs must have succeeded before
	// this one's pods start.
	After []string
}

// SecretKey is one value of a Secret.
type SecretKey struct{ Secret, Key string }

// Scratch is an empty directory.
type Scratch struct {
	Path string
	// Size is a Kubernetes quantity, empty for no limit; Memory keeps the
	// directory there.
	Size   string
	Memory bool
}

// Mount is a place where a volume is seen.
type Mount struct {
	Volume, Path, SubPath string
	ReadOnly              bool
}

// Probe is how often a command is asked, in seconds.
type Probe struct {
	Period, Timeout int32
	// Failures in a row make a pod unready; twice as many end its container.
	Failures int32
	// StartPeriod is time for the start besides the usual one, in which
	// StartInterval is the period.
	StartPeriod, StartInterval int32
}

// Once is how a Job ends.
type Once struct {
	// Attempts is how often it may fail.
	Attempts int32
	// Restart tries again in the same pod.
	Restart bool
}

// Object is one object of a service, by its file name in the base.
type Object struct {
	File string
	Body runtime.Object
}

// Objects returns the service's objects, in the order of their file names,
// and warnings about what the service asks for in vain.
func Objects(in Input) ([]Object, []string, error) {
	if err := check(in); err != nil {
		return nil, nil, err
	}
	in = asWritten(in)
	in, fromImage := withConfig(in)
	var set objectSet
	set.add("account", account(in))
	if len(in.Files) > 0 {
		set.add("files", files(in))
	}
	for i, path := range sortedKeys(in.Directories) {
		set.add(directoryName(i), directory(in, i, path))
	}
	if err := addClaims(&set, in); err != nil {
		return nil, nil, err
	}
	if err := addWorkload(&set, in); err != nil {
		return nil, nil, err
	}
	if in.Service.Release != nil {
		job, err := releaseJob(in)
		if err != nil {
			return nil, nil, err
		}
		set.add("release", job)
	}
	warnings := append(fromImage, addNetwork(&set, in)...)
	slices.SortFunc(set.objects, func(a, b Object) int {
		if a.File < b.File {
			return -1
		}
		return 1
	})
	return set.objects, warnings, nil
}

// addWorkload adds what runs the service's containers.
func addWorkload(set *objectSet, in Input) error {
	switch {
	case in.Once != nil:
		job, err := onceJob(in)
		if err != nil {
			return err
		}
		set.add("job", job)
		return nil
	case in.Service.Schedule != "":
		job, err := cronJob(in)
		if err != nil {
			return err
		}
		set.add("cronjob", job)
		return nil
	case len(in.Service.Volumes) > 0 || len(in.Claims) > 0:
		stateful, err := statefulSet(in)
		if err != nil {
			return err
		}
		set.add("statefulset", stateful)
	default:
		stateless, err := deployment(in)
		if err != nil {
			return err
		}
		set.add("deployment", stateless)
	}
	if autoscales(in.Service) {
		set.add("autoscaler", autoscaler(in))
	}
	if replicas(in.Service) > 1 {
		set.add("disruption", disruptionBudget(in))
	}
	return nil
}

// addNetwork adds how the service is reached.
func addNetwork(set *objectSet, in Input) []string {
	if in.Once != nil || len(ports(in.Service)) == 0 && len(in.UDP) == 0 && !in.Headless {
		return nil
	}
	set.add("service", service(in, in.Name))
	for _, name := range in.Names {
		set.add("service-"+name, service(in, name))
	}
	if len(in.Service.Routes) == 0 {
		return nil
	}
	rules := routeRules(in)
	if len(rules) == 0 {
		return []string{fmt.Sprintf("service %s: it has routes but no host, because the cluster has no base domain: it is reached only inside its stage; name a host in the stage's hosts", in.Name)}
	}
	if in.Ingress.Gateway != nil {
		for i, route := range httpRoutes(in, rules) {
			set.add(fmt.Sprintf("route-%d", i), route)
		}
		return nil
	}
	set.add("ingress", ingress(in, rules))
	return nil
}

type objectSet struct{ objects []Object }

func (s *objectSet) add(file string, body runtime.Object) {
	s.objects = append(s.objects, Object{File: file + ".yaml", Body: body})
}

var serviceName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)

// check refuses what the constructors can't make an object of. The project
// file's own checks come first and say where; this catches what other sources
// bring.
func check(in Input) error {
	s := in.Service
	if !serviceName.MatchString(in.Name) {
		return fault.New(fault.Invalid, "service %.60q: a service's name has at most 40 lower-case letters, digits and dashes and starts with a letter; rename it", in.Name)
	}
	if in.Image == "" {
		return fault.New(fault.Invalid, "service %s: it has no image yet; build it first", in.Name)
	}
	if _, err := reference.ParseNormalizedNamed(in.Image); err != nil {
		return fault.New(fault.Invalid, "service %s: %.100q is no image reference; write registry/name:tag, like redis:7.4", in.Name, in.Image)
	}
	for name, port := range ports(s) {
		if port < 1 || port > 65535 {
			return fault.New(fault.Invalid, "service %s: port %s is %d; use one from 1 to 65535", in.Name, name, port)
		}
	}
	if len(s.Routes) > 0 && s.Port == 0 {
		return fault.New(fault.Invalid, "service %s: it has routes but no port; set port to what the container listens on", in.Name)
	}
	if s.Deadline != "" {
		if d, err := time.ParseDuration(s.Deadline); err != nil || d < time.Second {
			return fault.New(fault.Invalid, "service %s: deadline %.40q is no duration of at least a second; write it like 5m", in.Name, s.Deadline)
		}
	}
	if err := checkFiles(in); err != nil {
		return err
	}
	return checkScale(in.Name, s)
}

func checkScale(name string, s project.Service) error {
	if s.Scale == nil {
		return nil
	}
	if s.Scale.Min < 0 || s.Scale.Max < 0 || s.Scale.Max > 0 && s.Scale.Max < s.Scale.Min {
		return fault.New(fault.Invalid, "service %s: scale from %d to %d is impossible; min must be at most max", name, s.Scale.Min, s.Scale.Max)
	}
	return nil
}

// Encode returns the object as JSON, which is YAML too and quicker to write,
// without the fields that only a cluster fills.
func Encode(body runtime.Object) ([]byte, error) {
	asJSON, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode object: %w", err)
	}
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("encode object: %w", err)
	}
	delete(fields, "status")
	prune(fields)
	return json.Marshal(fields)
}

// prune removes nulls, and the empty structs that Go types can't leave out.
func prune(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if child == nil || key == "status" && isEmptyMap(child) {
				delete(value, key)
				continue
			}
			prune(child)
			if isEmptyMap(child) && (key == "resources" || key == "strategy" || key == "updateStrategy" || key == "metadata") {
				delete(value, key)
			}
		}
	case []any:
		for _, child := range value {
			prune(child)
		}
	}
}

func isEmptyMap(value any) bool {
	m, ok := value.(map[string]any)
	return ok && len(m) == 0
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
