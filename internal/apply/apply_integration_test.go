//go:build integration

package apply

import "testing"

func TestLifeOfAStage(t *testing.T) {
	s := newStage(t)
	first := manifests(twelve("1")...)

	report := s.apply(first)
	if got := len(report.Created); got != 12 {
		t.Errorf("created %d objects, want 12: %v", got, report.Created)
	}
	if got, want := s.traffic.spent(), "GET=12 PATCH=12 check=12 inventory GET=1 inventory POST=1 inventory PUT=1"; got != want {
		t.Errorf("first apply: %s, want %s", got, want)
	}

	if report = s.apply(first); report.Unchanged != 12 || len(report.Repaired) != 0 {
		t.Errorf("second apply: %d unchanged, want 12: %+v", report.Unchanged, report)
	}
	if got, want := s.traffic.spent(), "GET=12 inventory GET=1"; got != want {
		t.Errorf("unchanged apply: %s, want %s", got, want)
	}

	documents := twelve("1")
	documents[3] = configMap("settings", "2")
	if report = s.apply(manifests(documents...)); report.Unchanged != 11 || len(report.Changed) != 1 {
		t.Errorf("third apply: %+v, want one changed", report)
	}
	if got, want := s.traffic.spent(), "GET=12 PATCH=1 inventory GET=1 inventory PUT=1"; got != want {
		t.Errorf("one changed: %s, want %s", got, want)
	}

	s.other(configMap("foreign", "x"))
	report = s.apply(manifests(documents[:7]...))
	if len(report.Stale) != 5 {
		t.Errorf("stale: %v, want 5", report.Stale)
	}
	removal := s.prune()
	if len(removal.Deleted) != 5 {
		t.Errorf("pruned: %+v, want 5", removal)
	}
	s.apply("")
	s.prune()
	s.eventually("configmap/foreign", "persistentvolumeclaim/files")
	if left := s.inventory().Entries; len(left) != 1 || !left[0].Keep || left[0].Name != "files" {
		t.Errorf("the inventory of an empty stage holds %+v, want the volume that is kept", left)
	}
}
