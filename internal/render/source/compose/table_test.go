package compose

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

var update = flag.Bool("update", false, "write the table in docs/compose.md")

const document = "../../../../docs/compose.md"

// TestDocumentHasTheTable holds docs/compose.md to the table.
func TestDocumentHasTheTable(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(data), "\n| key of a service")
	want := strings.TrimRight(text, "\n") + "\n\n" + Document()
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Errorf("%s doesn't have the table; run go test ./internal/render/source/compose -update", document)
	}
}

// TestTableIsComplete holds the table to the specification: each of its keys
// once, and no others.
func TestTableIsComplete(t *testing.T) {
	var spec struct {
		Definitions map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"definitions"`
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &spec); err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	for _, k := range keys() {
		known[k.name]++
	}
	for _, definitions := range []map[string]struct {
		Properties map[string]any `json:"properties"`
	}{spec.Definitions, spec.Defs} {
		for _, part := range []string{"service", "container_spec", "workload_spec"} {
			for key := range definitions[part].Properties {
				if known[key] == 0 {
					t.Errorf("the table has no %s", key)
				}
			}
		}
	}
	for name, times := range known {
		if times > 1 {
			t.Errorf("the table has %s %d times", name, times)
		}
	}
}
