package v1alpha1

import (
	"path"
	"strings"
)

// Root is the path that the images of all organizations lie below, host or
// host/prefix; empty when there is no registry.
func (r Registry) Root() string {
	if r.Host == "" {
		return ""
	}
	return path.Join(r.Host, r.Prefix)
}

// Repository is where the images of a project are.
func (r Registry) Repository(organization, project string) string {
	return path.Join(r.Root(), organization, project)
}

// Open are the paths at and below Root whose images a project may use: its own, and
// those that are shared.
func (r Registry) Open(organization, project string) []string {
	open := []string{r.Repository(organization, project)}
	for _, shared := range r.Shared {
		open = append(open, path.Join(r.Host, shared))
	}
	return open
}

// ImagePath returns a path of images, or the name of one without tag and digest, in
// one spelling: a host is the same in capitals, and with the port that it has anyway.
func ImagePath(name string) string {
	host, below, _ := strings.Cut(strings.TrimRight(name, "/"), "/")
	host = strings.ToLower(host)
	for _, usual := range []string{":443", ":80"} {
		host = strings.TrimSuffix(host, usual)
	}
	if host == "index.docker.io" {
		host = "docker.io"
	}
	return strings.TrimSuffix(host+"/"+below, "/")
}
