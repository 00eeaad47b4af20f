# Slipway. `make demo` shows a push going live; `make test` runs everything
# that must hold. Both work on a bare Debian machine with Go, git and root.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE   ?= $(CURDIR)/.cache
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL     = go tool -modfile=$(CURDIR)/.tools/go.mod
GOTEST   = $(TOOL) gotestsum --format pkgname --
export GOTOOLCHAIN := local
# One set of compiled packages serves programs, tests and linters; only the race
# detector needs another.
export CGO_ENABLED := 0
RACE = CGO_ENABLED=1
export DEVCLUSTER_CACHE ?= $(CACHE)/devcluster/cache
export DEVCLUSTER := $(CACHE)/bin/devcluster

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Bring up a Kubernetes and Slipway, push, and watch the page go live
	@go run ./cmd/demo up

.PHONY: demo-down
demo-down: ## End the demo and leave no trace of it
	@go run ./cmd/demo down

.PHONY: build
build: ## Compile bin/slipway
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/slipway ./cmd/slipway

.PHONY: check
check: ## Vet, lint and test the packages that changed, and those that import them
	@.ci/check

.PHONY: test
test: unit-modules integration e2e ## Run every test: unit, integration, end to end

# The race detector needs a C compiler.
.PHONY: compiler
compiler:
	@command -v gcc >/dev/null || { apt-get update -q && apt-get install -qy gcc libc6-dev; } || { echo "install gcc: the race detector needs it"; exit 1; }

.PHONY: unit
unit: compiler ## Run what needs no cluster
	$(RACE) $(GOTEST) -race ./...

.PHONY: unit-modules
unit-modules: ## Run the tests of the modules beside the main one
	cd cmd/devcluster && $(GOTEST) ./...

.PHONY: integration
integration: compiler devcluster ## Run unit tests and those on a real API server
	$(DEVCLUSTER) up -q --control-plane --dir $(CACHE)/warm
	trap '$(DEVCLUSTER) down -q --dir $(CACHE)/warm' EXIT; \
	  CONTROL_PLANE=$(CACHE)/warm $(RACE) $(GOTEST) -race -tags integration -timeout 40m ./...

.PHONY: e2e
e2e: ## Run the whole story on a one-node cluster
	$(GOTEST) -tags e2e -timeout 75m -count 1 ./internal/e2e/...

.PHONY: shapes
shapes: ## Bring repositories as people have them to a one-node cluster, from init on
	$(GOTEST) -tags 'e2e shapes' -timeout 75m -count 1 -run TestFieldGoesLive ./internal/e2e

.PHONY: builders
builders: ## Have the executor build the corpus of Dockerfiles on a one-node cluster, and compare file by file
	$(GOTEST) -tags 'e2e builders' -timeout 75m -count 1 -run TestCorpusOnTheExecutor ./internal/e2e

.PHONY: proofs
proofs: devcluster ## Show the long proofs: 200 random lives of stages, 200 random drifts, a million pairs of names
	go test -count 1 -run TestPairs ./internal/naming -pairs 1000000
	go test -tags integration -timeout 40m -count 1 -run 'TestRandomLives|TestCrash' ./internal/apply -lives 200
	go test -tags integration -timeout 20m -count 1 -v -run 'TestRandomDriftsAreRepaired' ./internal/controller -drifts 200

.PHONY: bench
bench: devcluster build ## Measure push → applied beside the floor, in one run; writes docs/bench.md
	go test -tags integration -run '^$$' -bench Slipway -benchtime 1x -timeout 60m ./internal/bench \
		-slipway $(CURDIR)/bin/slipway -report $(CURDIR)/docs/bench.md

.PHONY: bench-stages
bench-stages: devcluster build ## Measure one replica with 10,000 stages: memory, restart, rest
	go test -tags integration -run '^$$' -bench ManyStages -benchtime 1x -timeout 90m ./internal/bench -slipway $(CURDIR)/bin/slipway

# Each batch of histories has a control plane of its own. A failover is mostly waiting
# for a lease.
.PHONY: convergence
convergence: devcluster ## Prove the end state: 2,000 histories, 20 kills at every point, 200 failovers (three hours)
	for first in $$(seq 1001 100 2901); do \
	  go test -tags integration -count 1 -timeout 30m -run 'TestHistories' -v ./internal/convergence -histories 100 -first $$first || exit 1; done
	go test -tags integration -count 1 -timeout 180m -run 'TestKilledAtEveryPoint|TestKilledInAFetch' -v ./internal/convergence -rounds 20
	go test -tags integration -count 1 -timeout 180m -run 'TestFailover' -v ./internal/convergence -failovers 200

.PHONY: load
load: devcluster ## Measure the receiver under load beside the API server's own rate
	go test -tags integration -count 1 -timeout 30m -run 'TestLoad|TestFloodOfOneProject|TestHostileServers' -v ./internal/convergence -load

.PHONY: gitea
gitea: compiler devcluster ## Prove the server before a real Gitea, compiled from its Go module
	$(RACE) go build -C cmd/gitea -tags 'sqlite sqlite_unlock_notify' -o $(CACHE)/bin/gitea code.gitea.io/gitea
	GITEA=$(CACHE)/bin/gitea GITEA_SOURCES=$$(go list -C cmd/gitea -m -f '{{.Dir}}' code.gitea.io/gitea) \
	  go test -tags gitea -count 1 -timeout 20m -v ./internal/realforge

.PHONY: field
field: ## Try fetched repositories as they are: make field CORPUS=dir, one repository in each of its folders
	@test -n "$(CORPUS)" || { echo "say where the repositories are: make field CORPUS=dir"; exit 2; }
	@go run ./cmd/field $(CORPUS)

.PHONY: devcluster
devcluster: ## Compile the development cluster's program
	@mkdir -p $(CACHE)/bin
	cd cmd/devcluster && go build -o $(DEVCLUSTER) .

.PHONY: lint
lint: lint-generated ## Check style, floors, confinement and generated files
	$(TOOL) golangci-lint run ./...
	cd cmd/devcluster && $(TOOL) golangci-lint run --config $(CURDIR)/.golangci.yml ./...

.PHONY: lint-generated
lint-generated: generate
	@git diff --exit-code -- internal/api charts/slipway/files/crds docs || { echo "generated files are stale: run 'make generate' and commit"; exit 1; }

.PHONY: fmt
fmt: ## Format all code
	$(TOOL) golangci-lint fmt ./...

.PHONY: generate
generate: ## Generate deep copies, custom resource definitions and their reference
	$(TOOL) controller-gen object paths=./internal/api/...
	$(TOOL) controller-gen crd paths=./internal/api/... output:crd:dir=charts/slipway/files/crds
	go test ./internal/api/v1alpha1 -run TestReference -update

.PHONY: image
image: ## Build the container image with docker
	docker build --build-arg VERSION=$(VERSION) -t slipway:$(VERSION) .

.PHONY: chart
chart: ## Package the Helm chart into bin/
	@mkdir -p bin
	helm package charts/slipway --destination bin

.PHONY: dogfood
dogfood: ## Let Slipway build its own Dockerfile and upgrade itself (slow)
	go run ./cmd/demo dogfood

.PHONY: clean
clean: demo-down ## End the demo and remove compiled programs and base images
	rm -rf bin $(CACHE)
