package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/sirupsen/logrus"
)

// TestMain keeps the library's word on every request out of the output.
func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// start serves dir on a free port of loopback; stop waits until it has ended.
func start(t *testing.T, dir string) (host string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served, err := New(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := listen(ctx, []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- served.Serve(ctx, listeners...) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return listeners[0].Addr().String(), stop
}

func push(t *testing.T, ref string) v1.Hash {
	t.Helper()
	image, err := random.Image(100_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parse(t, ref), image); err != nil {
		t.Fatalf("push %s: %v", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func parse(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestDataSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "new")
	host, stop := start(t, dir)
	pushed := push(t, host+"/library/app:1")
	stop()

	again, _ := start(t, dir)
	image, err := remote.Image(parse(t, again+"/library/app:1"))
	if err != nil {
		t.Fatalf("pull after restart: %v", err)
	}
	pulled, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pushed, pulled); diff != "" {
		t.Errorf("digest after restart (-pushed +pulled):\n%s", diff)
	}
	if err := validate.Image(image); err != nil {
		t.Errorf("image after restart: %v", err)
	}
}

func TestDeletedManifestIsGone(t *testing.T) {
	host, _ := start(t, t.TempDir())
	digest := push(t, host+"/app:1")
	if err := remote.Delete(parse(t, host+"/app@"+digest.String())); err != nil {
		t.Fatalf("delete: %v", err)
	}
	_, err := remote.Head(parse(t, host+"/app@"+digest.String()))
	var answer *transport.Error
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound {
		t.Errorf("after delete: got %v, want 404", err)
	}
}

func TestInterruptedUploadsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	host, stop := start(t, dir)
	kept := push(t, host+"/app:1")
	response, err := http.Post("http://"+host+"/v2/app/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("begin upload: %s", response.Status)
	}
	stop()
	if left := uploads(t, dir); len(left) != 1 {
		t.Fatalf("before restart: %d uploads, want the interrupted one", len(left))
	}
	again, _ := start(t, dir)
	if left := uploads(t, dir); len(left) != 0 {
		t.Errorf("after restart these uploads are left: %v", left)
	}
	if _, err := remote.Head(parse(t, again+"/app@"+kept.String())); err != nil {
		t.Errorf("finished image after restart: %v", err)
	}
}

func uploads(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "docker/registry/v2/repositories/app/_uploads/*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestListenBindsAllOrNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()

	if _, err := listen(t.Context(), []string{address, taken.Addr().String()}); err == nil {
		t.Fatal("a taken address was bound")
	} else if !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("the error names no address: %v", err)
	}
	reopened, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the other address stayed bound: %v", err)
	}
	reopened.Close()
}

func TestNewRefusesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}

func TestCommandServesUntilStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := net.Pipe()
	var problems bytes.Buffer
	command := NewCommand()
	command.SetArgs([]string{"--listen", "127.0.0.1:0", "--data", t.TempDir()})
	command.SetOut(writer)
	command.SetErr(&problems)
	ended := make(chan error, 1)
	go func() { ended <- command.ExecuteContext(ctx) }()

	line := make([]byte, 1000)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	_, address, found := strings.Cut(strings.TrimSpace(string(line[:n])), "http://")
	if !found {
		t.Fatalf("no address in %q", line[:n])
	}
	push(t, address+"/app:1")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("after stop: %v\n%s", err, problems.String())
	}
}

func TestStopDoesNotWaitForSilentConnections(t *testing.T) {
	host, stop := start(t, t.TempDir())
	silent, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	push(t, host+"/app:1") // later than the dial, so that it has been accepted
	began := time.Now()
	stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("stop took %s", took)
	}
}
