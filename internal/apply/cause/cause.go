package cause

import (
	"regexp"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/printable"
)

// Code is the cause for machines, as it is found in a release's status.
type Code string

// Causes found in running things.
const (
	ImagePull        Code = "ImagePull"
	CrashLoop        Code = "CrashLoop"
	OutOfMemory      Code = "OutOfMemory"
	Evicted          Code = "Evicted"
	Quota            Code = "QuotaExceeded"
	Unschedulable    Code = "Unschedulable"
	ProbeFailing     Code = "ProbeFailing"
	AdmissionRefused Code = "AdmissionRefused"
	ConfigMissing    Code = "ConfigMissing"
	StartFailed      Code = "StartFailed"
	VolumePending    Code = "VolumePending"
	JobFailed        Code = "JobFailed"
	NotReady         Code = "NotReady"
)

// Causes found while applying.
const (
	Immutable        Code = "ImmutableField"
	Foreign          Code = "ForeignObject"
	FieldConflict    Code = "FieldConflict"
	VersionNotServed Code = "VersionNotServed"
	ClusterScoped    Code = "ClusterScoped"
	Invalid          Code = "InvalidObject"
	Denied           Code = "Denied"
	NamespaceMissing Code = "NamespaceMissing"
	NamespaceLost    Code = "NamespaceLost"
	Unavailable      Code = "ClusterUnavailable"
)

// Cause is why something does not run.
type Cause struct {
	Code Code
	// Object is what it was seen on: "Pod web-7d9f-x2x".
	Object string
	// Sentence says what happened, to what, why, and what to do. It fits in a
	// commit status' description only when cut.
	Sentence string
	// Detail holds further lines, such as the last of a log; often empty.
	Detail string
	// Grace is how long the cause may last before waiting longer is
	// pointless: zero for one that is certain, Never for one that may always
	// pass.
	Grace time.Duration
	// Log names the container whose last lines would help, when there are any.
	Log *Log
}

// Log is where the last lines of a crashed container are.
type Log struct {
	Pod       string
	Container string
	Previous  bool
}

// Lengths of what other programs say, in bytes.
const (
	maxWords  = 600
	maxDetail = 4096
)

// quote makes what Kubernetes says fit into a sentence that goes on after it,
// without the wrapping that says nothing.
func quote(words string) string {
	words = wrapping.ReplaceAllString(printable.Excerpt(words, maxWords), "")
	return strings.TrimRight(words, ". ")
}

// wrapping is what programs put around the words that matter.
var wrapping = regexp.MustCompile(`^Error creating: |^Failed to pull image "[^"]*": |rpc error: code = [A-Za-z]+ desc = |failed to pull and unpack image "[^"]*": `)

// ClipLog makes the end of a log fit to be shown: valid text without control
// characters, whole lines as far as possible, at most 20 of them.
func ClipLog(data []byte) string {
	const maxLines = 20
	if len(data) > maxDetail {
		data = data[len(data)-maxDetail:]
	}
	lines := strings.Split(strings.TrimRight(printable.Lines(string(data)), "\n"), "\n")
	if len(lines) > maxLines {
		lines = lines[len(lines)-maxLines:]
	}
	return strings.Join(lines, "\n")
}
