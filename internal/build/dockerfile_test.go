package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
)

func TestBases(t *testing.T) {
	tests := map[string]struct {
		file   string
		args   map[string]string
		target string
		want   []Base
	}{
		"parts of arguments": {
			file: "ARG A=1.2.3\n" + strings.Repeat("ARG B=${A%.*}\n", 19) + "FROM x/${B#1.}\n",
			want: []Base{{Ref: "x/2", Line: 21}},
		},
		"one": {
			file: "FROM busybox:1.36\nRUN true\n",
			want: []Base{{"busybox:1.36", 1}},
		},
		"comments, directives and continuations": {
			file: "# syntax=docker/dockerfile:1\n# escape=\\\n\nFROM \\\n  golang:1.26 \\\n  AS build\n",
			want: []Base{{"golang:1.26", 4}},
		},
		"stages are no bases, whatever their case": {
			file: "FROM golang:1.26 AS Build\nFROM build AS next\nFROM BUILD\nCOPY --from=Build /a /a\nCOPY --from=0 /b /b\n",
			want: []Base{{"golang:1.26", 1}},
		},
		"scratch is none": {
			file: "FROM golang AS b\nFROM scratch\nCOPY --from=b /a /a\n",
			want: []Base{{"golang", 1}},
		},
		"each once": {
			file: "FROM a\nFROM a\nCOPY --from=a /x /x\n",
			want: []Base{{"a", 1}},
		},
		"copied from an image": {
			file: "FROM a\nCOPY --from=registry.example/tools:2 /bin/x /bin/x\n",
			want: []Base{{"a", 1}, {"registry.example/tools:2", 2}},
		},
		"an index that is no earlier stage is an image": {
			file: "FROM a\nCOPY --from=1 /x /x\n",
			want: []Base{{"a", 1}, {"1", 2}},
		},
		"argument with a default": {
			file: "ARG VERSION=1.36\nFROM busybox:${VERSION}\n",
			want: []Base{{"busybox:1.36", 2}},
		},
		"argument overridden": {
			file: "ARG VERSION=1.36\nFROM busybox:$VERSION\n",
			args: map[string]string{"VERSION": "1.37"},
			want: []Base{{"busybox:1.37", 2}},
		},
		"an empty argument keeps the default": {
			file: "ARG VERSION=1.36\nFROM busybox:$VERSION\n",
			args: map[string]string{"VERSION": ""},
			want: []Base{{"busybox:1.36", 2}},
		},
		"argument of arguments, quoted": {
			file: "ARG A=1\nARG B=\"${A}.2\"\nFROM x:${B}-${C:-c}\n",
			want: []Base{{"x:1.2-c", 3}},
		},
		"argument names a stage": {
			file: "ARG WHICH=one\nFROM a AS one\nFROM b AS two\nFROM ${WHICH}\n",
			want: []Base{{"a", 2}, {"b", 3}},
		},
		"an argument inside a stage doesn't count": {
			file: "ARG V=1\nFROM a\nARG V=2\nFROM b:$V\n",
			want: []Base{{"a", 2}, {"b:1", 4}},
		},
		"up to the target": {
			file:   "FROM a AS one\nFROM b AS Two\nFROM c\n",
			target: "two",
			want:   []Base{{"a", 1}, {"b", 2}},
		},
		"digest": {
			file: "FROM a@sha256:" + strings.Repeat("0", 64) + "\n",
			want: []Base{{"a@sha256:" + strings.Repeat("0", 64), 1}},
		},
		"windows line ends": {
			file: "FROM a\r\nRUN x\r\n",
			want: []Base{{"a", 1}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, err := ParseDockerfile("Dockerfile", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := file.Bases(test.args, test.target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("bases differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDockerfileErrors(t *testing.T) {
	doubling := "ARG A0=" + strings.Repeat("x", 100) + "\n"
	for i := range 40 {
		doubling += "ARG A" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "=" + "$A0$A0$A0$A0\n" + "ARG A0=$A" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "\n"
	}
	tests := map[string]struct {
		file   string
		target string
		want   string
	}{
		"empty":               {"", "", "web/Dockerfile:1:"},
		"only a comment":      {"# nothing\n", "", "web/Dockerfile:1:"},
		"no FROM":             {"RUN true\n", "", "web/Dockerfile:1:"},
		"unknown instruction": {"FROM a\n\nFOO bar\n", "", "web/Dockerfile:3: "},
		"no base":             {"FROM\n", "", "web/Dockerfile:1:"},
		"argument unset":      {"FROM a\nFROM ${NOPE}\n", "", "web/Dockerfile:2: FROM ${NOPE} names no image"},
		"bad substitution":    {"FROM ${NOPE\n", "", "web/Dockerfile:1:"},
		"required argument":   {"FROM ${NOPE:?say which}\n", "", "web/Dockerfile:1:"},
		"unknown target":      {"FROM a AS b\n", "c", "web/Dockerfile: no stage is named \"c\""},
		"unterminated here":   {"FROM a\nRUN <<EOF\nx\n", "", "web/Dockerfile:2:"},
		"too large":           {strings.Repeat("# x\n", 200_000), "", "bytes, more than"},
		"too many stages":     {strings.Repeat("FROM a\n", 300), "", "300 stages"},
		"too long a line":     {"FROM a\nRUN " + strings.Repeat("x", 100_000), "", "web/Dockerfile:"},
		"growing arguments":   {doubling + "FROM $A0\n", "", "once its arguments are substituted"},
		"many parts":          {"ARG A=1.2\n" + strings.Repeat("ARG B=${A%.*}\n", 21) + "FROM $B\n", "", "web/Dockerfile:22: ARG B: it is one of more than the 20 values"},
		"many parts at once":  {"ARG A=1.2\nFROM x:" + strings.Repeat("${A%.*}", 21) + "\n", "", "more than the 20 values"},
		"a part of much":      {"ARG A=" + strings.Repeat("a", 257) + "\nFROM ${A%a}\n", "", "of more than the 256 bytes"},
		"a long pattern":      {"ARG A=a\nFROM ${A%" + strings.Repeat("b", 257) + "}\n", "", "in more than the 256 bytes"},
		"control characters":  {"FROM a\n\x1b[31mFOO\x07 bar\n", "", "web/Dockerfile:2: unknown instruction: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, err := ParseDockerfile("web/Dockerfile", []byte(test.file))
			if err == nil {
				_, err = file.Bases(nil, test.target)
			}
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("error %v has code %q, want invalid", err, fault.CodeOf(err))
			}
			if !strings.Contains(fault.MessageOf(err), test.want) {
				t.Errorf("message %q lacks %q", fault.MessageOf(err), test.want)
			}
			if strings.ContainsAny(fault.MessageOf(err), "\x1b\x07\n") {
				t.Errorf("message %q has control characters", fault.MessageOf(err))
			}
		})
	}
}

func TestInstructions(t *testing.T) {
	file, err := ParseDockerfile("Dockerfile", []byte("FROM a\nRUN one \\\n    two\n\nFROM b\nCOPY x y\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Instruction{
		{Stage: 0, Line: 2, Text: "RUN one     two"},
		{Stage: 1, Line: 5 + 1, Text: "COPY x y"},
	}
	if diff := cmp.Diff(want, file.Instructions()); diff != "" {
		t.Errorf("instructions differ (-want +got):\n%s", diff)
	}
}

func TestPlatformArgs(t *testing.T) {
	got, err := PlatformArgs(map[string]string{"TARGETARCH": "mine", "X": "y"}, "linux/arm/v7")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"X": "y", "TARGETARCH": "mine",
		"TARGETPLATFORM": "linux/arm/v7", "TARGETOS": "linux", "TARGETVARIANT": "v7",
		"BUILDPLATFORM": "linux/arm/v7", "BUILDOS": "linux", "BUILDARCH": "arm", "BUILDVARIANT": "v7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments differ (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "linux", "linux/", "/amd64", "a/b/c/d"} {
		if _, err := PlatformArgs(nil, bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("PlatformArgs(%q): %v, want invalid", bad, err)
		}
	}
}

// Any bytes give a Dockerfile or a coded error, in bounded time and space.
func FuzzDockerfile(f *testing.F) {
	for _, seed := range []string{
		"FROM a\n", "ARG A=1\nFROM x:$A AS b\nCOPY --from=b c d\n", "FROM ${A:-b}\nRUN <<E\nx\nE\n",
		"# escape=`\nFROM a `\n AS b\n", "FROM ${A//b/c}\n", "FROM --platform=$BUILDPLATFORM x\nONBUILD RUN y\n",
		"FROM a\nRUN --mount=type=cache,target=/x y\nHEALTHCHECK CMD z\n", "FROM ${A%%*}${B##?}${C^}\n",
	} {
		f.Add([]byte(seed), "A", "value", "")
	}
	f.Fuzz(func(t *testing.T, data []byte, key, value, target string) {
		file, err := ParseDockerfile("Dockerfile", data)
		if err == nil {
			file.Instructions()
			_, err = file.Bases(map[string]string{key: value}, target)
		}
		if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("error without code invalid: %v", err)
		}
		if message := fault.MessageOf(err); err != nil && len(message) > 4*maxCauseBytes {
			t.Errorf("message of %d bytes", len(message))
		}
	})
}
