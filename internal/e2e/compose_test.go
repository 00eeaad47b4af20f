//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// composed is a repository of somebody who has a Compose file. Its page comes
// from a service without ports, says what a one-shot wrote into a volume that
// both mount, and greets as a committed file says.
func composed() map[string]string {
	return map[string]string{
		"slipway.yaml": `version: 1
project: composed
members: [{user: alice, role: owner}]
stages: [{name: production, branch: main}]
services:
  all: {compose: {file: compose.yaml, variables: {WORD: through}}}
`,
		"compose.yaml": `services:
  web:
    build: .
    image: composed/program
    command: [web]
    ports: ["8080:8080"]
    environment: {API: "http://backend:9000/", WORD: "${WORD:?}", LITERAL: "$$(WORD)"}
    x-slipway: {routes: [{path: /}]}
  api:
    image: composed/program
    command: [api]
    networks: {default: {aliases: [backend]}}
    volumes: ["made:/made:ro", "./conf:/conf:ro"]
    depends_on: {fill: {condition: service_completed_successfully}}
  fill:
    image: composed/program
    command: [fill]
    restart: "no"
    volumes: ["made:/made"]
volumes:
  made: {x-slipway: {size: 64Mi}}
`,
		"conf/greeting": "greeted by a committed file",
		"go.mod":        "module example.com/composed\n\ngo 1.26\n",
		"Dockerfile": `FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod main.go ./
RUN CGO_ENABLED=0 go build -o /program .

FROM scratch
COPY --from=build /program /program
USER 65532
ENTRYPOINT ["/program"]
`,
		"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	switch os.Args[1] {
	case "fill":
		check(os.WriteFile("/made/text", []byte("made once"), 0o644))
	case "api":
		made, err := os.ReadFile("/made/text")
		check(err)
		greeting, err := os.ReadFile("/conf/greeting")
		check(err)
		serve(":9000", func(w http.ResponseWriter) { fmt.Fprintf(w, "%s, %s", made, greeting) })
	case "web":
		serve(":8080", func(w http.ResponseWriter) {
			answer, err := http.Get(os.Getenv("API"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer answer.Body.Close()
			text, _ := io.ReadAll(answer.Body)
			fmt.Fprintf(w, "%s, %s, %s", text, os.Getenv("WORD"), os.Getenv("LITERAL"))
		})
	}
}

func serve(address string, page func(http.ResponseWriter)) {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { page(w) })
	check(http.ListenAndServe(address, nil))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
`,
	}
}

// TestComposeFileGoesLive pushes a repository with a Compose file as it is.
func TestComposeFileGoesLive(t *testing.T) {
	tm := newTeam(t, "composed")
	commit := tm.push(t, "alice", "main", composed(), "Start")
	release := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	if release.Status.Built+release.Status.Reused != 3 {
		t.Errorf("built %d and reused %d images, want those of three services", release.Status.Built, release.Status.Reused)
	}
	if len(tm.jobs(t)) != 1 {
		t.Errorf("build Jobs are %v, want one for all three", tm.jobs(t))
	}
	if text := strings.Join(release.Status.Warnings, "\n"); !strings.Contains(text, "memory limit") {
		t.Errorf("the release's warnings are %q", text)
	}
	tm.page(t, "web", "production", "made once, greeted by a committed file, through, $(WORD)")
}
