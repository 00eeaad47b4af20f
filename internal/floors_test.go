package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/slipway-dev/slipway/"

// floors says on which floor each room stands. A folder below a room (a
// driver, a worker, a reconciler) belongs to the room.
func floors() map[string]int {
	return map[string]int{
		"templates":    0,
		"internal/api": 0, "internal/naming": 0, "internal/project": 0, "internal/fault": 0, "internal/printable": 0, "internal/seal": 0, "internal/manifest": 0, "internal/kube": 0, "internal/leader": 0, "internal/dial": 0,
		"internal/projectfile": 1, "internal/scm": 1, "internal/git": 1, "internal/build": 1, "internal/render": 1,
		"internal/guard": 1, "internal/apply": 1, "internal/tenancy": 1, "internal/bundle": 1,
		"internal/acceptance": 2, "internal/command": 2, "internal/detect": 2, "internal/entrance": 2, "internal/plan": 2, "internal/preview": 2, "internal/release": 2, "internal/report": 2, "internal/queue": 2,
		"internal/cluster": 3, "internal/forge": 3, "internal/repository": 3, "internal/target": 3, "internal/notify": 3, "internal/fastpath": 3, "internal/operate": 3, "internal/content": 3,
		"internal/controller": 4, "internal/gate": 4, "internal/webhook": 4, "internal/cli": 4,
		"cmd/slipway": 5, "cmd/demo": 5, "cmd/field": 5, "internal/e2e": 5, "internal/bench": 5, "internal/convergence": 5, "internal/realforge": 5,
	}
}

// testRooms are only imported by tests, and by the demo.
func testRooms() []string {
	return []string{"internal/kubetest", "internal/git/gittest", "internal/scm/forgetest", "internal/scm/scmtest", "internal/build/buildtest", "internal/release/releasetest", "internal/kube/kubefake", "internal/controller/servertest"}
}

// listed is what `go list` tells of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room returns the room that an import path is in, and its floor.
func room(path string) (name string, floor int, known bool) {
	short := strings.TrimPrefix(path, module)
	for name, floor := range floors() {
		if short == name || strings.HasPrefix(short, name+"/") {
			return name, floor, true
		}
	}
	return "", 0, false
}

func isTestRoom(path string) bool {
	short := strings.TrimPrefix(path, module)
	return slices.ContainsFunc(testRooms(), func(r string) bool { return short == r || strings.HasPrefix(short, r+"/") })
}

func TestImportsGoDownOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		from, floor, known := room(p.ImportPath)
		if isTestRoom(p.ImportPath) || p.ImportPath == module+"internal" || strings.HasPrefix(p.ImportPath, module+"examples") {
			continue
		}
		if !known {
			t.Errorf("%s is in no room of the house: give it a floor, or put it where it belongs", p.ImportPath)
			continue
		}
		seen[from] = true
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) {
				checkImport(t, p.ImportPath, imported, from, floor)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d rooms were looked at: %v", len(seen), seen)
	}
}

func checkImport(t *testing.T, path, imported, from string, floor int) {
	t.Helper()
	if isTestRoom(imported) {
		if floor < 5 {
			t.Errorf("%s imports %s, which is for tests only", path, imported)
		}
		return
	}
	to, below, known := room(imported)
	switch {
	case !known, to == from:
	case below > floor:
		t.Errorf("%s (floor %d) imports %s (floor %d): imports go down only", path, floor, imported, below)
	case below == floor && floor == 1:
		t.Errorf("%s imports %s: rooms of floor 1 never import each other", path, imported)
	case below == floor && (floor == 3 || floor == 4) && !slices.Contains(siblings(), [2]string{from, to}):
		t.Errorf("%s imports %s: they are on the same floor", path, imported)
	}
	if from == to && strings.HasPrefix(path, reconcilers) && strings.HasPrefix(imported, reconcilers) && path != imported {
		t.Errorf("%s imports %s: reconcilers never import each other", path, imported)
	}
}

// reconcilers is where the packages of the reconcilers are.
const reconcilers = module + "internal/controller/"

// siblings are the imports on one floor that are meant: a stage's target is on
// a cluster, a repository is at a forge, and the list of the controllers makes
// what the webhook receiver needs.
func siblings() [][2]string {
	return [][2]string{
		{"internal/target", "internal/cluster"},
		{"internal/repository", "internal/forge"},
		{"internal/controller", "internal/webhook"},
	}
}
