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
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/source"
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
	host, _, err := net.SplitHostPort(n.registry)
	if err != nil {
		t.Fatal(err)
	}
	policy := NewNetworkPolicy("e2e", n.salt, []string{"10.0.0.0/8"}, []networkingv1.NetworkPolicyPeer{
		{IPBlock: &networkingv1.IPBlock{CIDR: host + "/32"}},
	})
	if _, err := n.cluster.NetworkingV1().NetworkPolicies(n.namespace).Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
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
		Hash:           build.Input{Context: map[string]string{".": name + n.salt}}.Hash(),
		Repository:     build.Repository(n.registry, "e2e", "images", n.salt, ""),
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

// startPod runs a pod outside the build namespace that answers on port 7777,
// and returns its address.
func (n *node) startPod(t *testing.T) string {
	t.Helper()
	pods := n.cluster.CoreV1().Pods(metav1.NamespaceDefault)
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "answers-"},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Containers:                    []corev1.Container{{Name: "answers", Image: "busybox:1.36", Command: []string{"httpd", "-f", "-p", "7777"}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pods.Delete(context.Background(), pod.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	for range 600 {
		if pod, err = pods.Get(t.Context(), pod.Name, metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		if pod.Status.PodIP != "" {
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(pod.Status.PodIP, "7777"), time.Second)
			if err == nil {
				conn.Close()
				return pod.Status.PodIP
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the pod doesn't answer: %+v", pod.Status)
	return ""
}
