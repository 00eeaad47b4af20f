package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// dogfoodLimit is how long compiling Slipway in a build may take.
const dogfoodLimit = 28 * time.Minute

// dogfoodFile is the project file that Slipway is built with. The service only
// prints its version now and then: what counts is its image.
const dogfoodFile = `version: 1
project: slipway
members:
  - {user: alice, role: owner}
stages:
  - {name: image, branch: main}
services:
  slipway:
    build: {context: ., args: {VERSION: dogfood}}
    args: [version]
    schedule: "0 4 * * *"
`

// dogfood lets the running Slipway build the checkout's commit with its own
// Dockerfile, and upgrades it to the image that comes out.
func dogfood(ctx context.Context) error {
	o, err := options()
	if err != nil {
		return err
	}
	s, err := stand.Attach(ctx, o)
	if err != nil {
		return fmt.Errorf("%w; run `make demo` first", err)
	}
	source := filepath.Join(demoFolder(o), "dogfood")
	if err := vendored(ctx, o.Root, source); err != nil {
		return err
	}
	p, commit, stop, err := pushSelf(ctx, s, source)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := awaitLive(ctx, s, commit, dogfoodLimit); err != nil {
		return err
	}
	image, err := s.Kubectl(ctx, "-n", "slipway-org-"+p.Organization, "get", "releases", "-o",
		`jsonpath={.items[?(@.spec.head.commit=="`+commit+`")].status.services[0].image}`)
	if err != nil {
		return err
	}
	fmt.Printf("Slipway built itself: %s\n", image)
	if err := s.Upgrade(ctx, image); err != nil {
		return err
	}
	return greet(ctx, s)
}

// vendored copies what git tracks of the checkout's commit to a folder, with
// its modules beside it: a build has no module proxy that it may log in to.
func vendored(ctx context.Context, root, to string) error {
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o750)); err != nil {
		return fmt.Errorf("make %s: %w", to, err)
	}
	archive := exec.CommandContext(ctx, "git", "archive", "--output", filepath.Join(to, "source.tar"), "HEAD") //nolint:gosec // own folder
	archive.Dir = root
	unpack := exec.CommandContext(ctx, "tar", "--extract", "--file", "source.tar")
	vendor := exec.CommandContext(ctx, "go", "mod", "vendor")
	for _, command := range []*exec.Cmd{archive, unpack, vendor} {
		if command.Dir == "" {
			command.Dir = to
		}
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, out)
		}
	}
	if err := os.Remove(filepath.Join(to, "source.tar")); err != nil {
		return fmt.Errorf("remove the archive: %w", err)
	}
	return os.WriteFile(filepath.Join(to, "slipway.yaml"), []byte(dogfoodFile), 0o600)
}

// pushSelf serves a forge and pushes the folder to it.
func pushSelf(ctx context.Context, s *stand.Stand, source string) (p stand.Project, commit string, stop func(), err error) {
	token := rand.Text()
	forge, err := forgetest.New(forgetest.Options{Dir: source + "-forge", Token: token, Client: stand.Client()})
	if err != nil {
		return p, "", nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Bridge()+":0")
	if err != nil {
		return p, "", nil, fmt.Errorf("listen: %w", err)
	}
	forge.SetURL("http://" + listener.Addr().String())
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- forge.Serve(serving, listener) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			fmt.Fprintf(os.Stderr, "forge: %v\n", err)
		}
		forge.Close()
	}
	p = stand.Project{
		Organization: "acme", Name: "slipway", Path: "acme/slipway",
		URL: forge.CloneURL("acme/slipway"), API: forge.APIURL(), Token: token, Secret: rand.Text(),
	}
	commit, err = publish(ctx, s, forge, p, source)
	if err != nil {
		stop()
	}
	return p, commit, stop, err
}

// publish registers the project and pushes.
func publish(ctx context.Context, s *stand.Stand, forge *forgetest.Forge, p stand.Project, source string) (string, error) {
	if err := forge.CreateRepository(p.Path); err != nil {
		return "", err
	}
	if _, err := forge.SetHook(p.Path, s.Hook(p), p.Secret); err != nil {
		return "", err
	}
	if err := s.Register(ctx, p); err != nil {
		return "", err
	}
	return forge.PushTree(p.Path, "main", os.DirFS(source), "Build thyself", "alice")
}

// greet asks the upgraded server how it is.
func greet(ctx context.Context, s *stand.Stand) error {
	if err := s.Ready(ctx); err != nil {
		return fmt.Errorf("wait for the upgraded Slipway: %w", err)
	}
	status, body, err := s.Get(ctx, stand.SlipwayHost, "/readyz")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the upgraded Slipway is not ready: %d %s", status, body)
	}
	out, err := s.Kubectl(ctx, "-n", stand.Namespace, "exec", "deploy/slipway", "--", "/slipway", "version")
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, "upgraded to what it built:\n"+out)
	return err
}
