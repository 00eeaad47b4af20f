package wire

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
)

const maxURLBytes = 2048

// scpURL is the form user@host:path that people copy from a forge's page.
var scpURL = regexp.MustCompile(`^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):([^/].*)$`)

// sshPath matches what may be part of the command line sent to an ssh server.
var sshPath = regexp.MustCompile(`^[/~A-Za-z0-9._][A-Za-z0-9._/~+@-]*$`)

// refPattern matches the kinds of refs that may be asked for.
var refPattern = regexp.MustCompile(`^refs/(heads|tags|pull|merge-requests|pull-requests)/[^\x00-\x20~^:?\[\\\x7f]+$`)

// Endpoint is a checked remote address.
type Endpoint struct {
	scheme string // https, http or ssh
	user   string // ssh only
	host   string // with port when one was given
	path   string
}

// String returns the address without any credential; it identifies the mirror.
func (e Endpoint) String() string {
	if e.scheme == "ssh" {
		return "ssh://" + e.user + "@" + e.host + "/" + strings.TrimPrefix(e.path, "/")
	}
	return (&url.URL{Scheme: e.scheme, Host: e.host, Path: e.path}).String()
}

// address returns host:port to dial for ssh.
func (e Endpoint) address() string {
	if _, _, err := net.SplitHostPort(e.host); err == nil {
		return e.host
	}
	return net.JoinHostPort(strings.Trim(e.host, "[]"), "22")
}

// ParseEndpoint checks a remote's URL against the allow-list of schemes and
// shapes.
func ParseEndpoint(r git.Remote) (Endpoint, error) {
	if len(r.URL) > maxURLBytes || strings.ContainsFunc(r.URL, isControlOrSpace) {
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL is longer than %d bytes or holds spaces or control characters; correct it", maxURLBytes)
	}
	if m := scpURL.FindStringSubmatch(r.URL); m != nil && !strings.Contains(r.URL, "://") {
		return checkSSH(Endpoint{scheme: "ssh", user: m[1], host: m[2], path: m[3]})
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL can't be parsed; write https://host/path or ssh://git@host/path")
	}
	return endpointOf(r, u)
}

func endpointOf(r git.Remote, u *url.URL) (Endpoint, error) {
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme == "http" && !r.AllowHTTP:
		return Endpoint{}, fault.New(fault.Denied, "the repository URL of %s uses http, which is not encrypted; use https, or allow http for this repository", u.Host)
	case scheme != "https" && scheme != "http" && scheme != "ssh":
		return Endpoint{}, fault.New(fault.Denied, "the repository URL's scheme %q is not allowed; use https or ssh", scheme)
	case u.Hostname() == "" || strings.HasPrefix(u.Host, "-"):
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL names no host; write https://host/path or ssh://git@host/path")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL of %s has a query or a fragment; remove it", u.Host)
	case u.Path == "" || u.Path == "/" || strings.Contains(u.Path+"/", "/../"):
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL of %s has no path to a repository; add it", u.Host)
	}
	if scheme == "ssh" {
		return sshEndpoint(u)
	}
	if u.User != nil {
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL of %s carries credentials; put them into the repository's Secret instead", u.Host)
	}
	return Endpoint{scheme: scheme, host: strings.ToLower(u.Host), path: path.Clean(u.Path)}, nil
}

func sshEndpoint(u *url.URL) (Endpoint, error) {
	e := Endpoint{scheme: "ssh", user: "git", host: strings.ToLower(u.Host), path: u.Path}
	if u.User == nil {
		return checkSSH(e)
	}
	if _, has := u.User.Password(); has {
		return Endpoint{}, fault.New(fault.Invalid, "the repository URL of %s carries a password; use a key in the repository's Secret instead", u.Host)
	}
	if name := u.User.Username(); name != "" {
		e.user = name
	}
	return checkSSH(e)
}

func checkSSH(e Endpoint) (Endpoint, error) {
	if !sshPath.MatchString(e.path) || strings.Contains("/"+e.path+"/", "/../") {
		return Endpoint{}, fault.New(fault.Invalid, "the ssh repository path on %s holds characters other than letters, digits and . _ / ~ + @ -; rename the repository or use https", e.host)
	}
	if strings.HasPrefix(e.host, "-") || !sshPath.MatchString(e.user) {
		return Endpoint{}, fault.New(fault.Invalid, "the ssh repository URL names no usable host or user; write ssh://git@host/path")
	}
	return e, nil
}

// refPatterns returns a remote's checked ref patterns.
func refPatterns(r git.Remote) ([]string, error) {
	if len(r.Refs) == 0 {
		return git.DefaultRefs(), nil
	}
	for _, p := range r.Refs {
		if !refPattern.MatchString(p) || strings.Count(p, "*") > 1 {
			return nil, fault.New(fault.Invalid, "ref pattern %q is not allowed; use branches, tags or pull-request heads with at most one *", p)
		}
	}
	return r.Refs, nil
}

// matchRef says whether a full ref name fits a pattern. A * stands for one or
// more characters, slashes included.
func matchRef(pattern, ref string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == ref
	}
	return len(ref) > len(before)+len(after) && strings.HasPrefix(ref, before) && strings.HasSuffix(ref, after)
}

func isControlOrSpace(r rune) bool { return r <= 0x20 || r == 0x7f }
