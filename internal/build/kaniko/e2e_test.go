//go:build e2e

package kaniko

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/naming"
)

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
RUN ! touch /kaniko/.source/x 2>/dev/null && chown 1000:1000 /out/page

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
		Transport: build.Reach{Dialer: dial.Unrestricted(), Insecure: []string{n.registry}}.Transport(),
		Now:       time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ref, ok, err := client.Exists(t.Context(), request.Repository, request.Hash)
	if err != nil || !ok || ref != request.Repository+"@"+state.Digest {
		t.Errorf("registry has %s, %v, %v; want digest %s", ref, ok, err, state.Digest)
	}
	if again, err := builder.Ensure(t.Context(), request); err != nil || again.Phase != state.Phase || again.Digest != state.Digest {
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
			message: "Dockerfile:2: unknown instruction: FOO",
		},
		"base image": {
			dockerfile: "FROM " + n.registry + "/nothing:1\n",
			cause:      build.CauseDockerfile,
			message:    "Dockerfile: GET http",
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

// A build reaches the registry and Slipway, and no other pod.
func TestRealIsolation(t *testing.T) {
	n := startNode(t)
	host, port, err := net.SplitHostPort(n.registry)
	if err != nil {
		t.Fatal(err)
	}
	request := n.request(t, "isolation", map[string]string{"Dockerfile": `FROM busybox:1.36
ARG POD
ARG REGISTRY
RUN nc -w 5 $REGISTRY </dev/null
RUN if nc -w 5 $POD </dev/null; then echo reachable; exit 1; fi
`})
	request.Args = map[string]string{"POD": n.startPod(t) + " 7777", "REGISTRY": host + " " + port}
	builder := n.builder(t, nil)
	if state := n.build(t, builder, request); state.Phase != build.Succeeded {
		t.Errorf("state %+v\n%s", state, n.log(t, builder, state.Job))
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
