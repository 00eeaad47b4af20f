package check

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

const (
	maxLife     = 366 * 24 * time.Hour // of previews and pattern stages
	maxDeadline = 2 * time.Hour        // of a release's wait
)

// ref checks what git refuses in a branch's or tag's name.
func (c *checker) ref(name, path string) {
	if name == "" {
		return
	}
	short := strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/")
	switch {
	case short != name:
		c.at(path, `"`+syntax.Clip(name)+`" is a full ref`, "write the short name: "+syntax.Clip(short))
	case strings.HasPrefix(name, "-"), strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"),
		strings.HasSuffix(name, "."), strings.HasSuffix(name, ".lock"), strings.HasPrefix(name, "."),
		strings.Contains(name, ".."), strings.Contains(name, "//"), strings.Contains(name, "@{"),
		strings.Contains(name, "/."), strings.Contains(name, ".lock/"), name == "@":
		c.at(path, `no branch or tag can be called "`+syntax.Clip(name)+`"`, "correct the name; see git check-ref-format for what is allowed")
	}
}

// quantity checks that an amount is more than nothing. Its form is known.
func (c *checker) quantity(s, path string) {
	if s == "" {
		return
	}
	q, err := resource.ParseQuantity(s)
	switch {
	case err != nil:
		c.at(path, `"`+s+`" is not a Kubernetes quantity`, "write it like 250m or 256Mi")
	case q.Sign() <= 0:
		c.at(path, "is nothing", "use an amount above zero, or remove it")
	}
}

// duration checks that a time span is positive and not absurd.
func (c *checker) duration(s, path string, most time.Duration) {
	if s == "" {
		return
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil || d > most:
		c.at(path, s+" is longer than "+hours(most), "use at most "+hours(most))
	case d < time.Second:
		c.at(path, s+" is shorter than a second", "use at least 1s")
	}
}

func hours(d time.Duration) string { return fmt.Sprintf("%dh", int(d.Hours())) }

// sleep checks a part of every day. Its form is known.
func (c *checker) sleep(s, path string) {
	if s == "" {
		return
	}
	if _, err := project.ParseHours(s); err != nil {
		c.at(path, err.Error(), "write it like 20:00-07:00 Europe/Berlin")
	}
}

func (c *checker) instant(s, path string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		c.at(path, s+" is not a date and time of the calendar", "write it like 2030-12-24T00:00:00Z")
		return time.Time{}, false
	}
	return t, true
}
