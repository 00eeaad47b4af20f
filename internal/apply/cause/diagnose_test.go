package cause

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// moment is a recorded moment of a cluster.
type moment struct {
	Workload    Workload
	Pods        []*corev1.Pod
	ReplicaSets []*appsv1.ReplicaSet
	Events      []*corev1.Event
}

// Every file in testdata is what Kubernetes said at one moment; beside it is
// what people are told.
func TestDiagnose(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d moments (%v), want at least 20", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s moment
			if err := yaml.UnmarshalStrict(data, &s); err != nil {
				t.Fatal(err)
			}
			got := shown(Diagnose(s.Workload, Evidence{Pods: s.Pods, ReplicaSets: s.ReplicaSets, Warnings: s.Events}))
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func shown(c Cause, ok bool) []byte {
	if !ok {
		return []byte("nothing\n")
	}
	var out bytes.Buffer
	out.WriteString(string(c.Code) + " on " + c.Object + "\n" + c.Sentence + "\n")
	switch {
	case c.Grace == 0:
		out.WriteString("certain\n")
	case c.Grace == Never:
		out.WriteString("may pass\n")
	default:
		out.WriteString("certain after " + c.Grace.String() + "\n")
	}
	if c.Log != nil {
		out.WriteString("log of " + c.Log.Pod + "/" + c.Log.Container)
		if c.Log.Previous {
			out.WriteString(" before")
		}
		out.WriteString("\n")
	}
	return out.Bytes()
}

func TestClipLog(t *testing.T) {
	long := strings.Repeat("line\n", 100)
	if got := strings.Count(ClipLog([]byte(long)), "\n"); got != 19 {
		t.Errorf("%d line ends of a long log, want 19", got)
	}
	if got := ClipLog([]byte("a\x1b[0m\tb\r\nc\xff\n")); got != "a\tb\nc\ufffd" {
		t.Errorf("%q", got)
	}
	if got := len(ClipLog(bytes.Repeat([]byte("x"), 1<<20))); got != maxDetail {
		t.Errorf("%d bytes of one endless line, want %d", got, maxDetail)
	}
}
