package build

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func sampleInput() Input {
	return Input{
		Context:        map[string]string{"site": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "*.conf": "55"},
		Ignore:         "66",
		Dockerfile:     "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
		DockerfilePath: "Dockerfile",
		Args:           map[string]string{"VERSION": "1.2", "EMPTY": ""},
		Target:         "web",
		Platform:       "linux/amd64",
		BaseImages:     map[string]string{"busybox:1.36": "sha256:11", "golang:1.26": "sha256:22"},
		Builder:        "registry.example/kaniko@sha256:33",
		Watch:          map[string]string{"shared": "83baae61804e65cc73a7201a7252750c76066a30"},
	}
}

// The hash names every image that was ever built: it changes only on purpose,
// with inputVersion.
func TestHashIsStable(t *testing.T) {
	tests := map[string]struct {
		input Input
		want  string
	}{
		"empty":  {Input{}, "837a7e4833058033d98879aa44988d2d72514bc94ce02387e2280ad7db164766"},
		"sample": {sampleInput(), "9aad87d573871c18995faf27fa04f97cd86364daa523b1d8fc61b69d851c90d0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.input.Hash(); got != test.want {
				t.Errorf("Hash() = %s, want %s", got, test.want)
			}
		})
	}
}

func TestHashDependsOnEveryField(t *testing.T) {
	changes := map[string]func(*Input){
		"context":         func(in *Input) { in.Context["site"] = "x" },
		"source gone":     func(in *Input) { delete(in.Context, "*.conf") },
		"ignore file":     func(in *Input) { in.Ignore = "x" },
		"dockerfile":      func(in *Input) { in.Dockerfile = "x" },
		"dockerfile path": func(in *Input) { in.DockerfilePath = "x" },
		"argument value":  func(in *Input) { in.Args["VERSION"] = "1.3" },
		"argument gone":   func(in *Input) { delete(in.Args, "EMPTY") },
		"target":          func(in *Input) { in.Target = "" },
		"platform":        func(in *Input) { in.Platform = "linux/arm64" },
		"base digest":     func(in *Input) { in.BaseImages["busybox:1.36"] = "sha256:12" },
		"builder":         func(in *Input) { in.Builder = "x" },
		"class":           func(in *Input) { in.Class = "pr-7" },
		"another class":   func(in *Input) { in.Class = "pr-8" },
		"watched tree":    func(in *Input) { in.Watch["shared"] = "x" },
		"moved between fields": func(in *Input) {
			in.Args, in.Watch = in.Watch, in.Args
		},
	}
	seen := map[string]string{sampleInput().Hash(): "nothing changed"}
	for name, change := range changes {
		in := sampleInput()
		change(&in)
		hash := in.Hash()
		if other, ok := seen[hash]; ok {
			t.Errorf("%q and %q have the same hash", name, other)
		}
		seen[hash] = name
	}
}

// An encoding that can be decoded is injective.
func TestEncodingIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOf(rapid.RuneFrom([]rune{'a', 'b', 0, 1, 2, '=', ':'}))
		pairs := rapid.MapOfN(word, word, 0, 3)
		in := Input{
			Context:        pairs.Draw(t, "context"),
			Ignore:         word.Draw(t, "ignore"),
			Dockerfile:     word.Draw(t, "dockerfile"),
			DockerfilePath: word.Draw(t, "path"),
			Args:           pairs.Draw(t, "args"),
			Target:         word.Draw(t, "target"),
			Platform:       word.Draw(t, "platform"),
			BaseImages:     pairs.Draw(t, "bases"),
			Builder:        word.Draw(t, "builder"),
			Watch:          pairs.Draw(t, "watch"),
		}
		got, err := decodeInput(in.encode())
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(in, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("decoded input differs (-want +got):\n%s", diff)
		}
	})
}

func decodeInput(data []byte) (Input, error) {
	d := decoder{data: data}
	if version := d.string(); version != inputVersion {
		return Input{}, errors.New("wrong version")
	}
	in := Input{
		Context:        d.pairs(),
		Ignore:         d.string(),
		Dockerfile:     d.string(),
		DockerfilePath: d.string(),
		Args:           d.pairs(),
		Target:         d.string(),
		Platform:       d.string(),
		BaseImages:     d.pairs(),
		Builder:        d.string(),
		Watch:          d.pairs(),
	}
	if d.broken || len(d.data) > 0 {
		return Input{}, errors.New("left over or broken")
	}
	return in, nil
}

type decoder struct {
	data   []byte
	broken bool
}

func (d *decoder) number() int {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.broken = true
		return 0
	}
	d.data = d.data[size:]
	return int(n)
}

func (d *decoder) string() string {
	n := d.number()
	if n > len(d.data) {
		d.broken = true
		return ""
	}
	s := string(d.data[:n])
	d.data = d.data[n:]
	return s
}

func (d *decoder) pairs() map[string]string {
	m := map[string]string{}
	for range d.number() {
		key := d.string()
		m[key] = d.string()
	}
	return m
}
