package scmtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Goldens parses every testdata/payloads/EVENT.CASE.json of the driver's
// package and compares the event with testdata/events/EVENT.CASE.json, which
// -update rewrites. It returns how many there are.
func Goldens(t *testing.T, driver scm.Driver, header func(event string) http.Header) int {
	t.Helper()
	return compare(t, driver, header, filepath.Join("testdata", "payloads"), filepath.Join("testdata", "events"))
}

// Recorded does the same for payloads outside the repository, recorded from a
// real forge; they are read in place when they are there.
func Recorded(t *testing.T, driver scm.Driver, header func(event string) http.Header, payloads string) int {
	t.Helper()
	return compare(t, driver, header, payloads, filepath.Join("testdata", "recorded"))
}

// RegisterUpdate defines the flag -update; call it from TestMain.
func RegisterUpdate() { flag.Bool("update", false, "rewrite the golden files") }

func updating() bool {
	update := flag.Lookup("update")
	return update != nil && update.Value.String() == "true"
}

func compare(t *testing.T, driver scm.Driver, header func(string) http.Header, payloads, events string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(payloads, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			golden(t, driver, header, file, filepath.Join(events, filepath.Base(file)))
		})
	}
	return len(files)
}

func golden(t *testing.T, driver scm.Driver, header func(string) http.Header, payload, want string) {
	body, err := os.ReadFile(payload)
	if err != nil {
		t.Fatal(err)
	}
	event, _, _ := strings.Cut(filepath.Base(payload), ".")
	e, err := driver.Parse(header(event), body)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(e); err != nil {
		t.Fatal(err)
	}
	if updating() {
		if err := os.MkdirAll(filepath.Dir(want), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(want, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	expected, err := os.ReadFile(want)
	if err != nil {
		t.Fatalf("%v; run the test with -update and review what it writes", err)
	}
	if diff := cmp.Diff(string(expected), got.String()); diff != "" {
		t.Errorf("the event differs from %s (-want +got):\n%s", want, diff)
	}
}

// Shared returns the folder shared/NAME beside one of the folders above the
// package, and whether there is one.
func Shared(t *testing.T, name string) (string, bool) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", filepath.FromSlash(name))
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path, true
		}
	}
	return "", false
}
