package workload

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// withConfig completes a service by what its image says of itself, and warns of
// what the image wants and the service doesn't give.
func withConfig(in Input) (Input, []string) {
	if in.Config == nil {
		return in, nil
	}
	if port := in.Config.Ports; len(port) == 1 && listensAsItsImage(in) {
		in.Service.Port = port[0]
	}
	var warnings []string
	for _, at := range in.Config.Volumes {
		if !isMounted(in, at) {
			warnings = append(warnings, fmt.Sprintf("service %s: its image keeps data in %s, which is no volume of the service: it is lost with the pod; add the path to its volumes", in.Name, at))
		}
	}
	return in, warnings
}

// listensAsItsImage reports whether the service says nothing of ports, and runs what
// its image runs.
func listensAsItsImage(in Input) bool {
	s := in.Service
	return len(ports(s)) == 0 && len(in.UDP) == 0 && !in.Headless && s.Schedule == "" && in.Once == nil && len(s.Command)+len(s.Args) == 0
}

// isMounted reports whether something is mounted at a path, around it or in it.
func isMounted(in Input, at string) bool {
	var mounted []string
	for _, m := range in.Mounts {
		mounted = append(mounted, m.Path)
	}
	if in.Mounts == nil {
		for _, v := range append(slices.Clone(in.Service.Volumes), in.Claims...) {
			mounted = append(mounted, v.Path)
		}
	}
	for _, s := range in.Scratch {
		mounted = append(mounted, s.Path)
	}
	mounted = slices.AppendSeq(mounted, maps.Keys(in.Directories))
	return slices.ContainsFunc(mounted, func(m string) bool {
		m = path.Clean(m)
		return m == at || strings.HasPrefix(at, m+"/") || strings.HasPrefix(m, at+"/")
	})
}
