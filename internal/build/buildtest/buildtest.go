package buildtest

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
)

// waitLimit bounds the wait for what a driver's other side does by itself.
const waitLimit = 30 * time.Second

// Environment is the other side of a driver: where its builds run. The tests play
// the part of whatever runs them.
type Environment interface {
	// Builds returns how many builds exist in a namespace.
	Builds(t *testing.T, namespace string) int
	// Start makes a build run.
	Start(t *testing.T, job build.Job)
	// Succeed ends a build with an image.
	Succeed(t *testing.T, job build.Job, digest string)
	// Fail ends a build, at a moment, because of its Dockerfile.
	Fail(t *testing.T, job build.Job, at time.Time)
	// Namespace returns a new namespace for builds.
	Namespace(t *testing.T) string
}

// Run tests a builder.
func Run(t *testing.T, builder build.Builder, environment Environment) {
	s := suite{builder: builder, environment: environment}
	tests := map[string]func(*testing.T){
		"ensuring twice makes one build":        s.testOnce,
		"ensuring at the same time makes one":   s.testTogether,
		"other inputs make other builds":        s.testApart,
		"a build succeeds with its digest":      s.testSuccess,
		"a failed build stays as it is":         s.testFailure,
		"a failed build is replaced on request": s.testRetry,
		"a cancelled build is forgotten":        s.testCancel,
		"looking starts nothing":                s.testLook,
		"unknown builds":                        s.testUnknown,
		"requests that can't be built":          s.testInvalid,
		"a caller that goes away":               s.testCancelledContext,
	}
	for name, test := range tests {
		t.Run(name, test)
	}
}

type suite struct {
	builder     build.Builder
	environment Environment
}

// Request returns a request that any builder accepts; inputs differ by salt.
func Request(namespace, salt string) build.Request {
	return build.Request{
		Organization:   "acme",
		Project:        "shop",
		Namespace:      namespace,
		Hash:           build.Input{Context: map[string]string{".": salt}}.Hash(),
		Repository:     "registry.example/acme/shop",
		Source:         build.Source{URL: "http://slipway.example/source", Token: "token-of-" + salt},
		Dockerfile:     "Dockerfile",
		DockerfileText: []byte("FROM busybox:1.36\nRUN false\n"),
		Platform:       "linux/amd64",
	}
}

func (s suite) ensure(t *testing.T, request build.Request) build.State {
	t.Helper()
	state, err := s.builder.Ensure(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// until ensures a request until its state is as wanted.
func (s suite) until(t *testing.T, request build.Request, wanted func(build.State) bool) build.State {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		state := s.ensure(t, request)
		if wanted(state) {
			return state
		}
		if time.Now().After(deadline) {
			t.Fatalf("the state stays %+v", state)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s suite) builds(t *testing.T, namespace string, want int) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		got := s.environment.Builds(t, namespace)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d builds, want %d", got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s suite) testOnce(t *testing.T) {
	request := Request(s.environment.Namespace(t), "once")
	first := s.ensure(t, request)
	if first.Phase != build.Pending || first.Job.Namespace != request.Namespace || first.Job.Name == "" {
		t.Errorf("first state %+v, want pending with a job", first)
	}
	second := s.ensure(t, request)
	if second.Job != first.Job {
		t.Errorf("second job %v, want %v", second.Job, first.Job)
	}
	s.builds(t, request.Namespace, 1)
}

func (s suite) testTogether(t *testing.T) {
	request := Request(s.environment.Namespace(t), "together")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := s.builder.Ensure(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s.builds(t, request.Namespace, 1)
}

func (s suite) testApart(t *testing.T) {
	namespace := s.environment.Namespace(t)
	one, two := s.ensure(t, Request(namespace, "one")), s.ensure(t, Request(namespace, "two"))
	if one.Job == two.Job {
		t.Errorf("two inputs share %v", one.Job)
	}
	s.builds(t, namespace, 2)
}

func (s suite) testSuccess(t *testing.T) {
	request := Request(s.environment.Namespace(t), "success")
	job := s.ensure(t, request).Job
	s.environment.Start(t, job)
	s.until(t, request, func(state build.State) bool { return state.Phase == build.Running })
	digest := "sha256:" + strings.Repeat("d", 64)
	s.environment.Succeed(t, job, digest)
	state := s.until(t, request, func(state build.State) bool { return state.Phase == build.Succeeded })
	if state.Digest != digest || state.Job != job {
		t.Errorf("state %+v, want digest %s of %v", state, digest, job)
	}
	s.builds(t, request.Namespace, 1)
}

func (s suite) testFailure(t *testing.T) {
	request := Request(s.environment.Namespace(t), "failure")
	request.Retry = time.Now().Add(-time.Hour)
	job := s.ensure(t, request).Job
	s.environment.Start(t, job)
	s.environment.Fail(t, job, time.Now())
	state := s.until(t, request, func(state build.State) bool { return state.Phase == build.Failed })
	if state.Message == "" || state.Cause != build.CauseDockerfile || state.FinishedAt.IsZero() {
		t.Errorf("state %+v, want a message, a cause and an end", state)
	}
	if strings.Contains(state.Message, request.Source.Token) {
		t.Errorf("message holds the token: %q", state.Message)
	}
	if again := s.ensure(t, request); !cmp.Equal(state, again) {
		t.Errorf("ensured again: %+v, want %+v", again, state)
	}
	s.builds(t, request.Namespace, 1)
}

func (s suite) testRetry(t *testing.T) {
	request := Request(s.environment.Namespace(t), "retry")
	job := s.ensure(t, request).Job
	s.environment.Start(t, job)
	s.environment.Fail(t, job, time.Now().Add(-time.Hour))
	s.until(t, request, func(state build.State) bool { return state.Phase == build.Failed })
	request.Retry = time.Now()
	s.until(t, request, func(state build.State) bool { return state.Phase == build.Pending })
	s.builds(t, request.Namespace, 0)
	s.until(t, request, func(build.State) bool { return s.environment.Builds(t, request.Namespace) == 1 })
	s.environment.Start(t, job)
	s.environment.Succeed(t, job, "sha256:"+strings.Repeat("e", 64))
	s.until(t, request, func(state build.State) bool { return state.Phase == build.Succeeded })
}

func (s suite) testCancel(t *testing.T) {
	request := Request(s.environment.Namespace(t), "cancel")
	job := s.ensure(t, request).Job
	s.environment.Start(t, job)
	for range 2 {
		if err := s.builder.Cancel(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		s.builds(t, request.Namespace, 0)
	}
	if state := s.ensure(t, request); state.Phase != build.Pending {
		t.Errorf("after a cancelled build: %+v, want pending", state)
	}
	s.builds(t, request.Namespace, 1)
}

func (s suite) testLook(t *testing.T) {
	request := Request(s.environment.Namespace(t), "look")
	job := s.ensure(t, request).Job
	look := func(want build.Phase) {
		t.Helper()
		if state, err := s.builder.Look(t.Context(), job); err != nil || state.Phase != want || state.Job != job {
			t.Errorf("state %+v: %v, want %s", state, err, want)
		}
	}
	look(build.Pending)
	s.environment.Start(t, job)
	look(build.Running)
	s.environment.Succeed(t, job, "sha256:"+strings.Repeat("f", 64))
	s.until(t, request, func(state build.State) bool { return state.Phase == build.Succeeded })
	look(build.Succeeded)
	unknown := build.Job{Namespace: job.Namespace, Name: "nothing"}
	if _, err := s.builder.Look(t.Context(), unknown); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("unknown build: %v, want not_found", err)
	}
	s.builds(t, request.Namespace, 1)
}

func (s suite) testUnknown(t *testing.T) {
	unknown := build.Job{Namespace: s.environment.Namespace(t), Name: "nothing"}
	if err := s.builder.Cancel(t.Context(), unknown); err != nil {
		t.Errorf("cancel: %v", err)
	}
	log, err := s.builder.Logs(t.Context(), unknown, false)
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("logs: %v, want not_found", err)
	}
	if log != nil {
		log.Close()
	}
	log, err = s.builder.Logs(t.Context(), unknown, true)
	if err == nil {
		_, err = io.Copy(io.Discard, log)
		if closeErr := log.Close(); closeErr != nil {
			t.Errorf("close: %v", closeErr)
		}
	}
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		t.Errorf("following: %v, want not_found or nothing", err)
	}
}

func (s suite) testInvalid(t *testing.T) {
	namespace := s.environment.Namespace(t)
	for name, change := range map[string]func(*build.Request){
		"hash":       func(r *build.Request) { r.Hash = "latest" },
		"dockerfile": func(r *build.Request) { r.Dockerfile = "../Dockerfile" },
		"argument":   func(r *build.Request) { r.Args = map[string]string{"a b": "c"} },
		"target":     func(r *build.Request) { r.Target = "--x" },
	} {
		request := Request(namespace, "invalid")
		change(&request)
		if _, err := s.builder.Ensure(t.Context(), request); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	s.builds(t, namespace, 0)
}

func (s suite) testCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	request := Request(s.environment.Namespace(t), "context")
	job := s.ensure(t, request).Job
	log, err := s.builder.Logs(ctx, job, true)
	cancel()
	if err == nil {
		_, err = io.Copy(io.Discard, log)
		if closeErr := log.Close(); closeErr != nil {
			t.Errorf("close: %v", closeErr)
		}
	}
	if err == nil {
		t.Error("following ended well although its caller had gone and the build hadn't ended")
	}
}
