package stand

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names of what the stand installs.
const (
	Namespace   = "slipway-system"
	SlipwayHost = "slipway.localhost"
	slipwayRepo = "slipway/slipway"
	kanikoRepo  = "slipway/kaniko"
)

func (s *Stand) seed(ctx context.Context) error {
	return s.Seed(ctx, "busybox", "golang", "redis")
}

// Seed makes base images from Debian's packages where the cache lacks them, and
// pushes them to the mirror of docker.io.
func (s *Stand) Seed(ctx context.Context, names ...string) error {
	arguments := slices.Concat([]string{"image", "seed"}, names, []string{"--registry", s.Registry()})
	return s.show(ctx, s.options.Root, s.devcluster(), arguments...)
}

func (s *Stand) kaniko(ctx context.Context) error {
	_, err := s.run(ctx, s.options.Root, s.devcluster(), "image", "kaniko", "--push", s.Registry()+"/"+kanikoRepo+":1")
	return err
}

// image compiles the program and puts it into the image that the Dockerfile
// describes: the static program, nothing else.
func (s *Stand) image(ctx context.Context) error {
	build := s.command(ctx, s.options.Root, "go", "build", "-ldflags=-s -w -X main.version=demo", "-o", s.Slipway(), "./cmd/slipway")
	build.Env = append(build.Env, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compile Slipway: %w\n%s", err, out)
	}
	_, err := s.run(ctx, s.options.Root, s.devcluster(), "image", "push", s.Registry()+"/"+slipwayRepo+":demo", "--insecure",
		"--file", s.Slipway()+":/slipway:0755", "--entrypoint", "/slipway", "--user", "65532:65532")
	return err
}

// install installs or upgrades the chart.
func (s *Stand) install(ctx context.Context) error {
	slipway, err := s.digest(ctx, slipwayRepo, "demo")
	if err != nil {
		return err
	}
	return s.Upgrade(ctx, s.Registry()+"/"+slipwayRepo+"@"+slipway)
}

// Upgrade installs the chart with an image by digest.
func (s *Stand) Upgrade(ctx context.Context, image string) error {
	repository, digest, found := strings.Cut(image, "@")
	if !found {
		return fmt.Errorf("the image %q has no digest", image)
	}
	kaniko, err := s.digest(ctx, kanikoRepo, "1")
	if err != nil {
		return err
	}
	_, err = s.run(ctx, s.options.Root, s.Bin("helm"), "upgrade", "--install", "slipway", filepath.Join(s.options.Root, "charts", "slipway"),
		"--namespace", Namespace, "--create-namespace",
		"--set", "image.repository="+repository, "--set", "image.digest="+digest,
		"--set", "builder.image="+s.Registry()+"/"+kanikoRepo+"@"+kaniko,
		"--set", "ingress.enabled=true", "--set", "ingress.host="+SlipwayHost,
		"--set", "git.allowHTTP=true", "--set", "outgoing.allow={"+s.Bridge()+"}", // the forge and the registry
		"--wait", "--timeout", "3m")
	return err
}

// digest asks the registry what a tag points to.
func (s *Stand) digest(ctx context.Context, repository, tag string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+s.Registry()+"/v2/"+repository+"/manifests/"+tag, nil)
	if err != nil {
		return "", fmt.Errorf("ask for %s:%s: %w", repository, tag, err)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask for %s:%s: %w", repository, tag, err)
	}
	defer response.Body.Close()
	digest := response.Header.Get("Docker-Content-Digest")
	if !strings.HasPrefix(digest, "sha256:") {
		return "", fmt.Errorf("the registry has no %s:%s (%s)", repository, tag, response.Status)
	}
	return digest, nil
}

// Ready waits until the receiver answers through the ingress.
func (s *Stand) Ready(ctx context.Context) error {
	return Poll(ctx, time.Minute, func(ctx context.Context) (bool, error) {
		status, _, err := s.Get(ctx, SlipwayHost, "/readyz")
		return err == nil && status == http.StatusOK, nil
	})
}

// Apply creates or changes objects given as YAML.
func (s *Stand) Apply(ctx context.Context, manifests string) error {
	command := s.command(ctx, s.options.Root, s.Bin("kubectl"), "apply", "--server-side", "-f", "-")
	command.Stdin = strings.NewReader(manifests)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, out)
	}
	return nil
}

// Kubectl runs kubectl and returns what it printed.
func (s *Stand) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, s.options.Root, s.Bin("kubectl"), args...)
}

// CLI runs the command line and returns what it printed.
func (s *Stand) CLI(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, s.options.Root, s.Slipway(), args...)
}
