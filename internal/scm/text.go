package scm

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Bounds of what is taken from a body, in bytes.
const (
	MaxComment    = 16 << 10
	maxName       = 256
	maxRepository = 300
	maxDelivery   = 128
	maxLabels     = 100
	maxRepos      = 100
)

// maxBodyObjects bounds the JSON objects and arrays of a body, each of which takes many
// times its bytes in memory. The largest push that a forge tells of, of 2,048 commits,
// has a fifth.
const maxBodyObjects = 100_000

// Decode reads a whole JSON body into v. Its error quotes nothing of the body.
func Decode(body []byte, v any) error {
	var counted shape
	if counted.read(body); counted.values > maxBodyObjects {
		return fault.New(fault.Invalid, "the body holds more than %d objects and lists, the limit for a delivery; no forge sends so many", maxBodyObjects)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fault.New(fault.Invalid, "the body is not valid JSON for this event; compare it with the forge's list of recent deliveries")
	}
	return nil
}

// Repository returns a repository's path when it can be one: two or more
// segments of the letters that forges allow.
func Repository(path string) (string, error) {
	bad := fault.New(fault.Invalid, "the body has no repository of the form owner/name")
	if len(path) > maxRepository || strings.Count(path, "/") < 1 {
		return "", bad
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, notInPath) {
			return "", bad
		}
	}
	return path, nil
}

// notInPath reports whether no forge allows r in a repository's path. The
// tilde is for personal projects of Bitbucket Data Center.
func notInPath(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-~", r))
}

// Name returns a bounded name of one line.
func Name(s string) string { return printable.Excerpt(s, maxName) }

// ID is an id of a body: a number or a text, as forges like it. Anything else is
// none.
type ID string

// UnmarshalJSON never fails: an id of another form is no reason to lose a delivery.
func (id *ID) UnmarshalJSON(data []byte) error {
	var number json.Number
	var text string
	switch {
	case json.Unmarshal(data, &text) == nil:
		*id = ID(Name(text))
	case json.Unmarshal(data, &number) == nil:
		*id = ID(Name(number.String()))
	default:
		*id = ""
	}
	return nil
}

// CommentID returns the number of a comment, which every forge has.
func CommentID(operation, id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number <= 0 {
		return 0, fault.New(fault.Invalid, "%s: %q is not the id of a comment", operation, printable.Clip(id, 64))
	}
	return number, nil
}

// Time is a moment of a body: a text in one of the forms that forges have, or a number
// of milliseconds since 1970. Anything else is zero.
type Time struct{ time.Time }

// UnmarshalJSON never fails: a time of another form is no reason to lose a delivery.
func (t *Time) UnmarshalJSON(data []byte) error {
	t.Time = time.Time{}
	var milliseconds int64
	var text string
	if json.Unmarshal(data, &milliseconds) == nil && milliseconds > 0 {
		t.Time = time.UnixMilli(milliseconds)
	}
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if at, err := time.Parse(form, text); err == nil {
			t.Time = at
		}
	}
	return nil
}

// Body returns a bounded text that keeps its line ends.
func Body(s string) string { return printable.Passage(s, MaxComment) }

// Labels returns the names, bounded in length and number.
func Labels(names []string) []string {
	var labels []string
	for _, name := range names {
		if len(labels) == maxLabels {
			break
		}
		labels = append(labels, Name(name))
	}
	return labels
}

// Paths returns those of the paths that can be repositories, bounded in number.
func Paths(paths []string) []string {
	var repositories []string
	for _, path := range paths {
		if len(repositories) == maxRepos {
			break
		}
		if checked, err := Repository(path); err == nil {
			repositories = append(repositories, checked)
		}
	}
	return repositories
}

// DeliveryID returns an id of a delivery when it can be one.
func DeliveryID(id string) (string, error) {
	if id == "" || len(id) > maxDelivery {
		return "", fault.New(fault.Invalid, "the delivery's id must have 1 to %d characters", maxDelivery)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return "", fault.New(fault.Invalid, "the delivery's id must be printable ASCII")
		}
	}
	return id, nil
}

// Describe fits a text into a forge's one-line description of at most limit
// runes, cut at a word where one is near.
func Describe(s string, limit int) string {
	s = printable.Line(s)
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	end := limit - 1
	for i := end; i > limit/2; i-- {
		if runes[i] == ' ' {
			end = i
			break
		}
	}
	return strings.TrimRight(string(runes[:end]), " ,;:") + "…"
}
