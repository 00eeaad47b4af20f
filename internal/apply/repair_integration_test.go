//go:build integration

package apply

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/fault"
)

// repair brings a stage back to what is in the streams.
func (s *stage) repair(streams ...string) (Report, error) {
	repair := Repair{Owner: s.owner, Cluster: "test", Namespace: s.namespace}
	for _, stream := range streams {
		repair.Manifests = append(repair.Manifests, []byte(stream))
	}
	return s.applier.Repair(s.t.Context(), repair)
}

// A process is killed after every write of a repair; the next one finds what is
// left to do, and makes nothing twice.
func TestCrashAfterEveryWriteOfARepair(t *testing.T) {
	all := manifests(twelve("1")...)
	for _, lost := range []bool{false, true} {
		for after := 0; ; after++ {
			s := newStage(t)
			s.apply(all)
			s.remove("svc/web")
			s.remove("cm/settings")
			s.patch("deploy/web", "", `{"metadata":{"labels":{"slipway.dev/stage":null}}}`)
			s.traffic.cut(after, lost)
			_, err := s.repair(all)
			killed := s.traffic.heal()
			if !killed && err != nil {
				t.Fatalf("after %d writes: %v", after, err)
			}
			before := s.objects()
			s.restart()
			what := fmt.Sprintf("killed after %d writes (answer lost: %v)", after, lost)
			s.patiently(what, func() error {
				drifts, err := s.applier.Drift(t.Context(), s.owner)
				if err != nil || len(drifts) == 0 {
					return err
				}
				if _, err = s.repair(all); err == nil {
					err = fmt.Errorf("there was %v", drifts)
				}
				return err
			})
			s.complete(12, before, what)
			if got := s.field("deploy/web", `.metadata.labels.slipway\.dev/stage`); got != "dev" {
				t.Errorf("%s: the label is %q", what, got)
			}
			if !killed {
				break
			}
		}
	}
}

// A release that failed half-way leaves objects of two releases; each goes back
// to what was last applied of it, and nothing else is made.
func TestRepairIsOfWhatWasAppliedLast(t *testing.T) {
	s := newStage(t)
	good := manifests(configMap("a", "1"), configMap("b", "1"), configMap("old", "1"))
	s.apply(good)
	newer := manifests(configMap("a", "2"), configMap("b", "1"), configMap("never", "1"))
	s.traffic.cut(2, false) // the intent for "never", and one write
	if _, err := s.applier.Apply(t.Context(), s.set(newer)); err == nil {
		t.Fatal("it was not cut")
	}
	s.traffic.heal()
	s.restart()
	s.apply(manifests(configMap("a", "2"), configMap("b", "1")))
	s.patch("cm/a", "", `{"data":{"key":"x"}}`)
	s.patch("cm/b", "", `{"data":{"key":"x"}}`)
	report, err := s.repair(newer, good)
	if err != nil || len(report.Repaired) != 2 || len(report.Created) != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	if a, b := s.field("cm/a", ".data.key"), s.field("cm/b", ".data.key"); a != "2" || b != "1" {
		t.Errorf("a is %q, b is %q", a, b)
	}
	s.prune()
	if names := strings.Join(s.everything(), " "); strings.Contains(names, "old") {
		t.Errorf("a repair made pruning forget what is stale: %s", names)
	}
}

// What somebody else made in an object's place is left alone, and the rest is
// repaired.
func TestRepairLeavesForeignObjects(t *testing.T) {
	s := newStage(t)
	all := manifests(configMap("a", "1"), configMap("b", "1"), service("web", 80))
	s.apply(all)
	s.remove("cm/a")
	s.other(configMap("a", "theirs"))
	s.remove("cm/b")
	// A Kubernetes Service with another port can't have ours besides: it has no name.
	s.patch("svc/web", "", `{"spec":{"ports":[{"port":81}]}}`)
	report, err := s.repair(all)
	if fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "ConfigMap a: Slipway's own was deleted, and this one was made in its place by somebody") {
		t.Errorf("the foreign object: %v", err)
	}
	if len(report.Repaired) != 2 || s.field("cm/b", ".data.key") != "1" || s.field("cm/a", ".data.key") != "theirs" || s.field("svc/web", ".spec.ports[*].port") != "80" {
		t.Errorf("%+v; b %q, a %q, ports %s", report, s.field("cm/b", ".data.key"), s.field("cm/a", ".data.key"), s.field("svc/web", ".spec.ports[*].port"))
	}
	if _, err := s.repair(manifests(configMap("z", "1"))); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("manifests that were never applied: %v", err)
	}
}

// expiring answers the first watches of every kind with 410 Gone, and breaks
// others off.
type expiring struct {
	mutex sync.Mutex
	seen  map[string]int
}

func (e *expiring) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		if !strings.Contains(request.URL.RawQuery, "watch=") {
			return next.RoundTrip(request)
		}
		e.mutex.Lock()
		e.seen[request.URL.Path]++
		nth := e.seen[request.URL.Path]
		e.mutex.Unlock()
		switch nth {
		case 1:
			body := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","message":"too old resource version","code":410}`
			return &http.Response{StatusCode: http.StatusGone, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: request}, nil
		case 2:
			return nil, errors.New("connection reset by peer")
		}
		return next.RoundTrip(request)
	})
}

func TestLiveSurvivesLostWatches(t *testing.T) {
	s := newStage(t)
	s.remembers = true
	faults := &expiring{seen: map[string]int{}}
	config := rest.CopyConfig(plane.Config)
	config.Wrap(faults.wrap)
	s.watchedWith(config, nil)
	documents := []string{configMap("a", "1"), service("web", 80)}
	s.apply(manifests(documents...))
	s.applies(documents, "an apply without a request", "")
	s.remove("cm/a")
	s.patiently("the deletion is seen", func() error {
		if seen, certain := s.applier.client.Lookup(s.ref("cm/a")); !certain || seen != nil {
			return fmt.Errorf("%+v %v", seen, certain)
		}
		return nil
	})
	faults.mutex.Lock()
	defer faults.mutex.Unlock()
	for path, count := range faults.seen {
		if count < 3 && strings.HasSuffix(path, "/configmaps") {
			t.Errorf("%s was watched %d times: no watch was lost", path, count)
		}
	}
}
