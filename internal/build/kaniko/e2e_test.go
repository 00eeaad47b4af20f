//go:build e2e

package kaniko

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/naming"
)

// node is a real cluster with a registry, a source server beside it, and a
// namespace of its own for builds.
type node struct {
	cluster   *kubernetes.Clientset
	registry  string // host:port, plain HTTP, also the mirror of docker.io
	config    Config
	sourceURL string
	signer    *source.Signer
	contexts  map[string]map[string]string // by path of the claims: name → content
	namespace string
	salt      string
}

// startNode needs a whole cluster (KUBECONFIG), its registry
// (DEVCLUSTER_REGISTRY) with busybox:1.36 seeded, and the executor's image
// (KANIKO_IMAGE).
func startNode(t *testing.T) *node {
	t.Helper()
	need := func(key string) string {
		value := os.Getenv(key)
		if value == "" {
			t.Fatalf("%s is not set; end-to-end tests of builds need a whole cluster, its registry and the executor's image", key)
		}
		return value
	}
	config, err := clientcmd.BuildConfigFromFlags("", need("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	salt := make([]byte, 4)
	if _, err := rand.Read(salt); err != nil {
		t.Fatal(err)
	}
	n := &node{cluster: cluster, registry: need("DEVCLUSTER_REGISTRY"), contexts: map[string]map[string]string{}, salt: hex.EncodeToString(salt)}
	n.config = Config{
		Image:    n.pushSlipway(t),
		Executor: need("KANIKO_IMAGE"),
		Mirrors:  []string{n.registry},
		Insecure: []string{n.registry},
	}
	n.serveSource(t)
	n.makeNamespace(t)
	return n
}

func (n *node) makeNamespace(t *testing.T) {
	t.Helper()
	space := NewNamespace("e2e", n.salt)
	n.namespace = space.Name
	if _, err := n.cluster.CoreV1().Namespaces().Create(t.Context(), space, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.cluster.CoreV1().Namespaces().Delete(context.Background(), space.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// pushSlipway makes an image of the stand-in program, and returns it by
// digest.
func (n *node) pushSlipway(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "slipway")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/slipway")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	if err := archive.WriteHeader(&tar.Header{Name: "slipway", Mode: 0o755, Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", RootFS: must(image.ConfigFile()).RootFS,
		Config: v1.Config{Entrypoint: []string{"/slipway"}, User: "65532"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(n.registry+"/e2e/slipway:"+n.salt, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	return tag.Context().Digest(must(image.Digest()).String()).String()
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// serveSource serves contexts on the registry's address, which pods reach.
func (n *node) serveSource(t *testing.T) {
	t.Helper()
	signer, err := source.NewSigner(time.Now, bytes.Repeat([]byte(n.salt), 8))
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(n.registry)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(source.NewHandler(signer, n.open, source.Limits{}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	n.signer, n.sourceURL = signer, server.URL
}

func (n *node) open(_ context.Context, claims source.Claims) (source.Tar, error) {
	files, ok := n.contexts[claims.Path]
	if !ok {
		return nil, errors.New("no such context")
	}
	return func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(1_700_000_000, 0)}
			if strings.HasSuffix(name, ".sh") {
				header.Mode = 0o755
			}
			if target, ok := strings.CutPrefix(files[name], "-> "); ok {
				header.Typeflag, header.Linkname, header.Size = tar.TypeSymlink, target, 0
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if header.Size > 0 {
				if _, err := io.WriteString(archive, files[name]); err != nil {
					return err
				}
			}
		}
		return archive.Close()
	}, nil
}

// request returns the request for a context, which holds a Dockerfile.
func (n *node) request(t *testing.T, name string, files map[string]string) build.Request {
	t.Helper()
	n.contexts[name] = files
	token, err := n.signer.Sign(source.Claims{Organization: "e2e", Project: n.salt, Path: name, Expires: time.Now().Add(10 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return build.Request{
		Organization: "e2e", Project: n.salt, Namespace: n.namespace,
		Hash:           build.Input{ContextTree: name + n.salt}.Hash(),
		Repository:     build.Repository(n.registry, "e2e", "images", n.salt, false),
		Insecure:       true,
		Source:         build.Source{URL: n.sourceURL, Token: token},
		Dockerfile:     "Dockerfile",
		DockerfileText: []byte(files["Dockerfile"]),
	}
}

// build runs a request to its end.
func (n *node) build(t *testing.T, builder *Builder, request build.Request) build.State {
	t.Helper()
	begin := time.Now()
	for {
		state, err := builder.Ensure(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if state.Phase == build.Succeeded || state.Phase == build.Failed {
			t.Logf("%s after %s: %s %s", state.Phase, time.Since(begin).Round(time.Millisecond), state.Digest, state.Message)
			return state
		}
		if time.Since(begin) > 3*time.Minute {
			t.Fatalf("the build stays %+v\n%s", state, n.log(t, builder, state.Job))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (n *node) log(t *testing.T, builder *Builder, job build.Job) string {
	t.Helper()
	stream, err := builder.Logs(t.Context(), job, false)
	if err != nil {
		return err.Error()
	}
	defer stream.Close()
	data, err := io.ReadAll(stream)
	return string(data) + fmt.Sprint(err)
}

func (n *node) builder(t *testing.T, change func(*Config)) *Builder {
	t.Helper()
	config := n.config
	if change != nil {
		change(&config)
	}
	builder, err := New(n.cluster, config)
	if err != nil {
		t.Fatal(err)
	}
	return builder
}

// files returns what an image holds: name → content, owner and mode.
func (n *node) files(t *testing.T, ref string) map[string]string {
	t.Helper()
	digest, err := name.NewDigest(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	stream := mutate.Extract(image)
	defer stream.Close()
	found := map[string]string{}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%o %d:%d %s", header.Mode&0o777, header.Uid, header.Gid, header.Linkname)
		if header.Typeflag == tar.TypeReg && header.Size < 4096 {
			text += string(must(io.ReadAll(archive)))
		}
		found[strings.TrimSuffix(header.Name, "/")] = text
	}
}

// The Dockerfile uses the paths that Dockerfiles like (/workspace, /out), and
// looks for what a build must not see.
const wholeDockerfile = `ARG TAG=1.36
FROM busybox:${TAG} AS build
ARG GREETING
ARG TARGETARCH
WORKDIR /workspace
COPY . .
RUN mkdir -p /out && ./make.sh "$GREETING" > /out/page
RUN echo "arch=$TARGETARCH user=$(id -u) token=$(ls /run/slipway /run/secrets /var/run/secrets 2>/dev/null | wc -l) env=$(env | grep -ci -e token -e secret)" >> /out/page
RUN ! touch /kaniko/.source/x 2>/dev/null && chown 1000:1000 /out/page && adduser -D app

FROM busybox:1.36
WORKDIR /workspace
COPY --from=build /out/page page
COPY --from=build /workspace/link /link
COPY --chown=7:8 make.sh /bin/make.sh
COPY plain /etc/plain
RUN echo kept > /workspace/kept && mkdir /out && echo kept > /out/kept
CMD ["cat", "page"]
`

func TestRealBuild(t *testing.T) {
	n := startNode(t)
	builder := n.builder(t, nil)
	request := n.request(t, "whole", map[string]string{
		"Dockerfile":    wholeDockerfile,
		"make.sh":       "#!/bin/sh\necho \"hello $1\"\n",
		"plain":         "plain\n",
		"link":          "-> plain",
		".dockerignore": "ignored\n",
		"ignored":       "x",
	})
	request.Args = map[string]string{"GREETING": "$(HOST) `id` \"q\" & more"}
	state, err := builder.Ensure(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	follow, err := builder.Logs(t.Context(), state.Job, true)
	if err != nil {
		t.Fatal(err)
	}
	followed := make(chan string, 1)
	go func() {
		data, err := io.ReadAll(follow)
		followed <- string(data) + fmt.Sprint(errors.Join(err, follow.Close()))
	}()
	state = n.build(t, builder, request)
	log := <-followed
	if state.Phase != build.Succeeded {
		t.Fatalf("state %+v\n%s", state, log)
	}
	if !strings.Contains(log, "COPY plain /etc/plain") || strings.ContainsRune(log, '\x1b') {
		t.Errorf("followed log:\n%s", log)
	}
	n.checkFiles(t, request, state)
	n.checkReuse(t, builder, request, state)
}

func (n *node) checkFiles(t *testing.T, request build.Request, state build.State) {
	t.Helper()
	files := n.files(t, request.Repository+"@"+state.Digest)
	for path, want := range map[string]string{
		"workspace/page": "644 1000:1000 hello $(HOST) `id` \"q\" & more\narch=amd64 user=0 token=0 env=0\n",
		"workspace/kept": "644 0:0 kept\n",
		"out/kept":       "644 0:0 kept\n",
		"etc/plain":      "644 0:0 plain\n",
		"bin/make.sh":    "755 7:8 #!/bin/sh\necho \"hello $1\"\n",
	} {
		if files[path] != want {
			t.Errorf("%s is %q, want %q", path, files[path], want)
		}
	}
	for path := range files {
		if strings.HasPrefix(path, "kaniko") || strings.Contains(path, "ignored") || strings.HasPrefix(path, "run/slipway") {
			t.Errorf("the image holds %s", path)
		}
	}
}

func (n *node) checkReuse(t *testing.T, builder *Builder, request build.Request, state build.State) {
	t.Helper()
	client, err := build.NewRegistry(build.Options{
		Insecure:  []string{n.registry},
		Transport: build.Reach{Insecure: []string{n.registry}}.Transport(),
		Now:       time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ref, ok, err := client.Exists(t.Context(), request.Repository, request.Hash)
	if err != nil || !ok || ref != request.Repository+"@"+state.Digest {
		t.Errorf("registry has %s, %v, %v; want digest %s", ref, ok, err, state.Digest)
	}
	if again, err := builder.Ensure(t.Context(), request); err != nil || again != state {
		t.Errorf("ensured again: %+v, %v; want %+v", again, err, state)
	}
	jobs, err := n.cluster.BatchV1().Jobs(n.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(jobs.Items) != 1 {
		t.Errorf("%d Jobs, %v; want 1", len(jobs.Items), err)
	}
	if name := jobs.Items[0].Name; name != naming.BuildJob(request.Hash) {
		t.Errorf("Job %s, want %s", name, naming.BuildJob(request.Hash))
	}
}

func TestRealFailures(t *testing.T) {
	n := startNode(t)
	denying := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	denying.Listener.Close()
	host, _, err := net.SplitHostPort(n.registry)
	if err != nil {
		t.Fatal(err)
	}
	denying.Listener = must(net.Listen("tcp", net.JoinHostPort(host, "0")))
	denying.Start()
	t.Cleanup(denying.Close)

	tests := map[string]struct {
		dockerfile string
		config     func(*Config)
		request    func(*build.Request)
		cause      build.Cause
		line       int
		message    string
	}{
		"command fails": {
			dockerfile: "FROM busybox:1.36\n\nRUN echo one && \\\n    echo 'main.c:3: broken' >&2 && \\\n    exit 3\n",
			cause:      build.CauseDockerfile, line: 3,
			message: "Dockerfile:3: RUN echo one && echo 'main.c:3: broken' >&2 && exit 3: exit status 3: one | main.c:3: broken",
		},
		"command fails in the second stage": {
			dockerfile: "FROM busybox:1.36 AS a\nRUN echo x > /x\nFROM busybox:1.36\nCOPY --from=a /x /x\nRUN cat /nothing\n",
			cause:      build.CauseDockerfile, line: 5,
			message: "Dockerfile:5: RUN cat /nothing: exit status 1: cat: can't open '/nothing': No such file or directory",
		},
		"command doesn't exist": {
			dockerfile: "FROM busybox:1.36\nRUN [\"/nothing\", \"x\"]\n",
			cause:      build.CauseDockerfile, line: 2,
			message: "Dockerfile:2: RUN [\"/nothing\", \"x\"]: starting command: fork/exec /nothing: no such file or directory",
		},
		"file is missing": {
			dockerfile: "FROM busybox:1.36\nRUN true\nCOPY nothing /x\n",
			cause:      build.CauseDockerfile, line: 3,
			message: "Dockerfile:3: COPY nothing /x: ",
		},
		"file is missing in a stage": {
			dockerfile: "FROM busybox:1.36 AS a\nFROM busybox:1.36\nCOPY --from=a /nothing /x\n",
			cause:      build.CauseDockerfile, line: 3,
			message: "Dockerfile:3: COPY --from=a /nothing /x: ",
		},
		"syntax": {
			dockerfile: "FROM busybox:1.36\nFOO bar\n",
			cause:      build.CauseDockerfile, line: 2,
			message: "unknown instruction: FOO",
		},
		"base image": {
			dockerfile: "FROM " + n.registry + "/nothing:1\n",
			cause:      build.CauseDockerfile,
			message:    "Dockerfile: ",
		},
		"memory": {
			dockerfile: "FROM busybox:1.36\nRUN tail /dev/zero\n",
			config:     func(c *Config) { c.Memory, c.MemoryLimit = resource.MustParse("64Mi"), resource.MustParse("192Mi") },
			cause:      build.CauseMemory,
			message:    "memory",
		},
		"deadline": {
			dockerfile: "FROM busybox:1.36\nRUN sleep 300\n",
			config:     func(c *Config) { c.Deadline = 15 * time.Second },
			cause:      build.CauseDeadline,
			message:    "did not finish within 15s",
		},
		"source": {
			dockerfile: "FROM busybox:1.36\n",
			request:    func(r *build.Request) { r.Source.Token = "forged" },
			cause:      build.CauseSource,
			message:    "could not get its source: slipway: the Slipway server refused the build context with 401",
		},
		"push": {
			dockerfile: "FROM busybox:1.36\nCOPY Dockerfile /x\n",
			request: func(r *build.Request) {
				r.Repository = strings.TrimPrefix(denying.URL, "http://") + "/acme/shop"
			},
			cause:   build.CausePush,
			message: "not pushed: slipway: the registry denied the push",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			builder := n.builder(t, test.config)
			request := n.request(t, name, map[string]string{"Dockerfile": test.dockerfile})
			if test.request != nil {
				test.request(&request)
			}
			state := n.build(t, builder, request)
			if state.Phase != build.Failed || state.Cause != test.cause || state.Line != test.line || !strings.Contains(state.Message, test.message) {
				t.Errorf("state %+v\nwant cause %s, line %d, message with %q\n%s", state, test.cause, test.line, test.message, n.log(t, builder, state.Job))
			}
			if strings.Contains(state.Message, request.Source.Token) && request.Source.Token != "forged" {
				t.Errorf("message holds the token: %s", state.Message)
			}
		})
	}
}

// Running several builds at once is what a push of several services does.
func TestRealBuildsTogether(t *testing.T) {
	n := startNode(t)
	builder := n.builder(t, func(c *Config) { c.CPU, c.Memory = resource.MustParse("50m"), resource.MustParse("128Mi") })
	for i := range 3 {
		name := fmt.Sprintf("together-%d", i)
		request := n.request(t, name, map[string]string{"Dockerfile": fmt.Sprintf("FROM busybox:1.36\nRUN echo %d > /number\n", i)})
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := n.build(t, builder, request)
			if state.Phase != build.Succeeded {
				t.Fatalf("state %+v\n%s", state, n.log(t, builder, state.Job))
			}
			if got := n.files(t, request.Repository+"@"+state.Digest)["number"]; got != fmt.Sprintf("644 0:0 %d\n", i) {
				t.Errorf("number is %q", got)
			}
		})
	}
}
