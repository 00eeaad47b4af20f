package build

import (
	"context"
	"io"
	"time"
)

// Builder makes images. Drivers are safe for concurrent use, keep nothing in
// memory between calls, and pass the conformance test of package buildtest.
type Builder interface {
	// Ensure starts the build of a request unless it exists already, and
	// returns how it stands. Any number of calls with the same namespace and
	// hash make one build. A failed attempt that ended before Request.Retry is
	// replaced. Errors mean that the state isn't known; a build that failed is
	// a State. Errors of code Unavailable are worth a retry, Invalid blames the
	// request.
	Ensure(context.Context, Request) (State, error)
	// Look returns how a build stands and starts none. NotFound means that it
	// is gone, or was never there.
	Look(context.Context, Job) (State, error)
	// Logs returns what a build printed, on clean lines; with follow, until it
	// ends. The caller closes the reader, which also stops following.
	// NotFound means that the build is gone, or was never there.
	Logs(ctx context.Context, job Job, follow bool) (io.ReadCloser, error)
	// Cancel stops and forgets a build; one that doesn't exist is no error.
	Cancel(context.Context, Job) error
}

// Job names one build.
type Job struct {
	Namespace string
	Name      string
}

// Request orders one image.
type Request struct {
	Organization string
	Project      string
	// Namespace is the project's build namespace; it exists.
	Namespace string
	// Hash is the input hash (Input.Hash).
	Hash string
	// Repository receives the image, tagged with Hash.
	Repository string
	// Insecure lets the repository's host speak plain HTTP.
	Insecure bool
	// Credentials push to Repository; only those of its host are used.
	Credentials Credentials
	Source      Source
	// Dockerfile is the file's path below the context, and DockerfileText its
	// content, which turns a failure into a line number.
	Dockerfile     string
	DockerfileText []byte
	// DockerfileName is what messages call it; empty means Dockerfile.
	DockerfileName string
	Args           map[string]string
	Target         string
	// Platform is os/architecture; empty means the driver's default.
	Platform string
	// Retry is the moment from which a new attempt is wanted: a failed attempt
	// that ended before it is replaced. Zero never replaces one.
	Retry time.Time
}

// Source is where a build fetches its context from.
type Source struct {
	URL string
	// Token opens the one context, for the time of one build. It is a secret.
	Token string
}

// String hides the token.
func (s Source) String() string { return s.URL }

// GoString hides the token.
func (s Source) GoString() string { return s.URL }

// Phase is where a build stands.
type Phase string

// The phases of a build.
const (
	Pending   Phase = "Pending"   // not started yet
	Running   Phase = "Running"   // started
	Succeeded Phase = "Succeeded" // the image is in the registry
	Failed    Phase = "Failed"    // it will not succeed
)

// Cause says who or what made a build fail.
type Cause string

// The causes of a failed build. CauseDockerfile blames the build's input: the
// same input will most likely fail again. The others may pass with another
// attempt or more resources.
const (
	CauseDockerfile Cause = "Dockerfile" // an instruction failed
	CauseMemory     Cause = "Memory"     // out of memory
	CauseDeadline   Cause = "Deadline"   // took too long
	CauseSource     Cause = "Source"     // the context could not be fetched
	CausePush       Cause = "Push"       // the image could not be pushed
	CauseNode       Cause = "Node"       // evicted, or the node went away
	CauseCancelled  Cause = "Cancelled"  // deleted while it ran
)

// State is how a build stands.
type State struct {
	Phase Phase
	Job   Job
	// Digest (sha256:…) is the image's, once Succeeded. It is empty when the
	// attempt's record is already gone; the registry knows it then.
	Digest string
	// Message is one sentence: what a pending build waits for, or the first
	// useful cause of a failure and what to do.
	Message string
	// Cause is set when Failed.
	Cause Cause
	// Line of the Dockerfile that failed, 0 when none did.
	Line       int
	StartedAt  time.Time
	FinishedAt time.Time
}
