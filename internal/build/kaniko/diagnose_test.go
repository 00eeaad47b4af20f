package kaniko

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/build"
)

const twoStages = `FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod ./
RUN go build \
      ./...
RUN make

FROM busybox:1.36
COPY --from=build /src/app /app
COPY missing /data/
RUN make
`

// colour writes a line as the executor does on its own behalf.
func colour(text string) string { return "\x1b[36mINFO\x1b[0m[0003] " + text + "   \n" }

func TestExplain(t *testing.T) {
	stage := func(index string) string {
		return colour("Building stage 'x' [idx: '" + index + "', base-idx: '-1']")
	}
	tests := map[string]struct {
		dockerfile string
		log        string
		line       int
		message    string
		cause      build.Cause
	}{
		"a command": {
			log: stage("0") + colour("WORKDIR /src") + colour("Cmd: workdir") + colour("COPY go.mod ./") +
				colour("RUN go build       ./...") + colour("Cmd: /bin/sh") + colour("Args: [-c go build       ./...]") +
				"main.go:3:1: \x1b[31mundefined: x\x1b[0m\r\n" +
				"error building image: error building stage: failed to execute command: waiting for process to exit: exit status 1\n",
			line:    4,
			message: "web/Dockerfile:4: RUN go build ./...: exit status 1: main.go:3:1: undefined: x",
		},
		"the same command in a later stage": {
			log: stage("0") + colour("RUN make") + "fine\n" + stage("1") + colour("COPY --from=build /src/app /app") + colour("RUN make") +
				"make: *** no rule\nmake: stop\n" +
				"error building image: error building stage: failed to execute command: waiting for process to exit: exit status 2\n",
			line:    11,
			message: "web/Dockerfile:11: RUN make: exit status 2: make: *** no rule | make: stop",
		},
		"only the log's end": {
			log: "output of something\n" + stage("1") + colour("RUN make") + "no rule\n" +
				"error building image: error building stage: failed to execute command: waiting for process to exit: exit status 2\n",
			line:    11,
			message: "web/Dockerfile:11: RUN make: exit status 2: no rule",
		},
		"a file that isn't there": {
			log: stage("1") + colour("COPY --from=build /src/app /app") +
				"error building image: error building stage: failed to get files used from context: failed to get fileinfo for /kaniko/.source/missing: lstat /kaniko/.source/missing: no such file or directory\n",
			line:    10,
			message: "web/Dockerfile:10: COPY missing /data/: failed to get fileinfo for missing: lstat missing: no such file or directory",
		},
		"copied from a stage that lacks it": {
			log: stage("1") + colour("COPY --from=build /src/app /app") +
				"error building image: error building stage: failed to execute command: resolving src: failed to get fileinfo for /kaniko/0/src/app: lstat /kaniko/0/src/app: no such file or directory\n",
			line:    9,
			message: "web/Dockerfile:9: COPY --from=build /src/app /app: failed to get fileinfo for /kaniko/0/src/app: lstat /kaniko/0/src/app: no such file or directory",
		},
		"a base image": {
			log:     colour("Retrieving image manifest busybox:9") + "error building image: GET http://r/v2/library/busybox/manifests/9: MANIFEST_UNKNOWN: manifest unknown\n",
			message: "web/Dockerfile: GET http://r/v2/library/busybox/manifests/9: MANIFEST_UNKNOWN: manifest unknown",
		},
		"a syntax error": {
			dockerfile: "FROM a\nFOO\n",
			log:        "error building image: parsing dockerfile: dockerfile parse error on line 2: unknown instruction: FOO\n",
			line:       2,
			message:    "web/Dockerfile:2: unknown instruction: FOO",
		},
		"killed": {
			log: stage("0") + colour("RUN make") +
				"error building image: error building stage: failed to execute command: waiting for process to exit: signal: killed\n",
			line:    6,
			cause:   build.CauseMemory,
			message: "web/Dockerfile:6: RUN make; most likely it used up the build's memory: make it need less, or raise the memory limit of builds",
		},
		"only the last lines of the output": {
			log: stage("0") + colour("RUN make") + strings.Repeat("noise\n", 50) + "1\n\n2\n3\n4\n5\n" +
				"error building image: error building stage: failed to execute command: waiting for process to exit: exit status 2\n",
			line:    6,
			message: "web/Dockerfile:6: RUN make: exit status 2: 1 | 2 | 3 | 4 | 5",
		},
		"output of an earlier instruction": {
			log: stage("0") + colour("RUN go build       ./...") + "warning: old\n" + colour("RUN make") +
				"error building image: error building stage: failed to execute command: waiting for process to exit: exit status 2\n",
			line:    6,
			message: "web/Dockerfile:6: RUN make: exit status 2",
		},
		"nothing useful": {
			log:     "hello\n",
			message: "as it was",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := testRequest(t)
			request.DockerfileName, request.DockerfileText = "web/Dockerfile", []byte(twoStages)
			if test.dockerfile != "" {
				request.DockerfileText = []byte(test.dockerfile)
			}
			before := build.State{Phase: build.Failed, Cause: build.CauseDockerfile, Message: "as it was"}
			got := Explain(before, []byte(test.log), request)
			if got.Message != test.message || got.Line != test.line {
				t.Errorf("line %d, message %q\nwant %d, %q", got.Line, got.Message, test.line, test.message)
			}
			if want := test.cause; want != "" && got.Cause != want {
				t.Errorf("cause %s, want %s", got.Cause, want)
			}
		})
	}
}

func TestExplainLeavesOtherCauses(t *testing.T) {
	log := []byte("error building image: x\n")
	for _, before := range []build.State{
		{Phase: build.Running},
		{Phase: build.Failed, Cause: build.CauseMemory, Message: "m"},
		{Phase: build.Failed, Cause: build.CausePush, Message: "p"},
	} {
		if got := Explain(before, log, testRequest(t)); got != before {
			t.Errorf("%+v became %+v", before, got)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(twoStages, colour("RUN make")+"x\nerror building image: exit status 1\n")
	f.Add("FROM a\nRUN b\n", "error building image: error building stage: failed to get files used from context: x")
	f.Fuzz(func(t *testing.T, dockerfile, log string) {
		request := build.Request{DockerfileText: []byte(dockerfile)}
		got := Explain(build.State{Phase: build.Failed, Cause: build.CauseDockerfile}, []byte(log), request)
		if len(got.Message) > maxMessageBytes || strings.ContainsAny(got.Message, "\x00\x1b\n") {
			t.Errorf("message %q", got.Message)
		}
		if got.Line < 0 || got.Line > 999_999 {
			t.Errorf("line %d", got.Line)
		}
	})
}
