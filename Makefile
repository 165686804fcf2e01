# Tools that `go run` builds from source, at these versions. They need not be
# installed.
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

FUZZTIME   ?= 20s
BENCH      ?= .
BENCHTIME  ?= 100ms
BENCHCOUNT ?= 6

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands as ./lode and ./lodelab
	go build -o . ./cmd/lode ./cmd/lodelab

.PHONY: test
test: ## run the tests
	go test ./...

.PHONY: check
check: lint vet tidy current vuln ## run every check that is not a test

.PHONY: lint
lint: ## run golangci-lint
	$(GOLANGCI_LINT) run ./...

# Run vet for every supported architecture, and for builds without assembly.
.PHONY: vet
vet: ## run go vet on amd64, arm64 and without assembly
	GOARCH=amd64 go vet ./...
	GOARCH=arm64 go vet ./...
	GOARCH=amd64 go vet -tags purego,noasm ./...
	GOARCH=arm64 go vet -tags purego,noasm ./...
	GOARCH=386 go vet ./...

# Systems that Lode supports besides Linux. vet checks everything, tests included, and
# compiles what it depends on. For one architecture of each system, cross also compiles
# and links all commands and the tests of CROSS_TESTS (all), without debug information,
# which would take longer to link.
CROSS_VET  ?= windows/amd64 darwin/arm64
CROSS_LINK ?= windows/amd64 darwin/arm64
CROSS_TESTS ?= ./...

.PHONY: cross
cross: ## vet everything for Windows and macOS, and build all commands and tests
	@set -e; for target in $(CROSS_VET); do \
		echo "vet for $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go vet ./...; \
	done; \
	dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; for target in $(CROSS_LINK); do \
		echo "build commands and tests for $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o "$$dir/" ./cmd/...; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go test -c -ldflags='-s -w' -o /dev/null $(CROSS_TESTS); \
	done

# The Windows tests of the packages whose tests need nothing but files.
.PHONY: wine
wine: ## run the tests of pow and chain/block for Windows under wine, if it can be had
	bash .ci/wine $(WINE_PACKAGES)

.PHONY: tidy
tidy: ## fail if go.mod or go.sum is not tidy
	go mod tidy -diff
	go mod verify

.PHONY: generate
generate: ## regenerate all generated files
	go generate ./...

.PHONY: current
current: ## fail if a generated file is out of date
	@before=$$(mktemp) && git diff >"$$before" && go generate ./... && git diff | cmp -s - "$$before" \
		&& rm "$$before" || { echo "generated files are out of date: run make generate and commit" >&2; exit 1; }

.PHONY: vuln
vuln: ## look for known vulnerabilities, if the database can be reached
	@out=$$($(GOVULNCHECK) ./... 2>&1); status=$$?; echo "$$out"; \
	if [ $$status -ne 0 ] && echo "$$out" | grep -q 'vuln.go.dev'; then \
		echo "NOT CHECKED: the vulnerability database cannot be reached"; \
	else exit $$status; fi

.PHONY: race
race: ## run the tests under the race detector
	go test -race -short ./...

.PHONY: purego
purego: ## run the tests on a build without assembly
	go test -tags purego,noasm ./...

# go test sometimes reports a failure when the fuzzing time ends
# (https://go.dev/issue/75804). A real failure names the input that failed.
.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (20s)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9]+' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; \
			out=$$(go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$dir 2>&1); \
			status=$$?; echo "$$out"; \
			[ $$status -eq 0 ] || case $$out in \
				*"Failing input"*) exit 1;; \
				*"context deadline exceeded"*) echo "no failing input was found before the time was up";; \
				*) exit 1;; \
			esac; \
		done; \
	done

# MUTANTS lists the files or folders; without it, all of internal/mutants/targets.txt
# are tested, which takes long.
.PHONY: mutants
mutants: ## change the code of MUTANTS in one place after another, and fail if no test notices
	go run ./internal/mutants $(MUTANTS)

# One line for each suite, in the size that takes long.
.PHONY: long
long: ## run the tests that take long in their full sizes
	LODE_KERNEL_JOBS=10000 go test -count=1 -run TestRandomJobs -v ./pow
	LODE_HELD=1 go test -count=1 -run TestMemoryOfHeldBlocks -v ./chain
	LODE_POWER=2000 go test -count=1 -run TestPower -timeout 30m -v ./cmd/lode
	LODE_KILLS=200 go test -count=1 -run TestKill -timeout 60m -v ./cmd/lode
	LODE_VARDIFF_SEEDS=1000 go test -count=1 -v ./mine/stratum/vardiff
	LODE_VALIDATE=1 go test -count=1 -timeout 60m -v ./lab/validate
	go run ./cmd/lodelab validate --full
	LODE_STRATUM_SESSIONS=1000 go test -count=1 -run TestStratumCrowd -v ./node
	LODE_MINERS=300 go test -count=1 -run TestMiners -timeout 30m -v ./cmd/lode
	LODE_PERSES=1 go test -count=1 -v ./dashboards/perses
	LODE_PROMETHEUS=long go test -count=1 -run TestLiveMiners -timeout 90m -v ./dashboards/live
	LODE_SIEGE=600 go test -count=1 -run TestSiege -timeout 30m -v ./cmd/lode
	LODE_BTCD=4100 LODE_BCOIN=1 go test -C mine/gbt/nodes -count=1 -timeout 30m -v .
	LODE_SPLITS=200 go test -count=1 -run TestRealSplit -timeout 30m -v ./lab/blocks
	LODE_BROWSER=1 go test -C node/web/browsertest -count=10 -timeout 60m -v .
	LODE_BROWSER=1 LODE_SPEED=1 go test -C node/web/browsertest -count=1 -timeout 30m -run TestSpeed -v .
	go test -run - -bench Pages -benchtime 10x -timeout 30m ./node/web -web.disk -web.judge
	go build -o dist/lab/ ./cmd/lodelab && bash .ci/slurm dist/lab
	go run ./internal/mutants ./chain/rules ./pow/search.go ./chain/store/commit.go ./node/miner.go ./node/gossip/sync.go ./node/gossip/syncheaders.go ./mine/own

# SCREENSHOTS is the folder for all of the pictures. Three of them are those of the README.
SCREENSHOTS ?= dist/screenshots

.PHONY: screenshots
screenshots: ## take pictures of all pages with Chromium, among them those of the README
	mkdir -p "$(SCREENSHOTS)"
	LODE_BROWSER=1 LODE_SCREENSHOTS="$(abspath $(SCREENSHOTS))" go test -C node/web/browsertest -count=1 -timeout 15m -run TestScreenshots -v .
	for page in feed network learn; do cp "$(SCREENSHOTS)/readme-$$page.png" "docs/$$page.png"; done

.PHONY: bench
bench: ## run the benchmarks that match BENCH (.), in BENCHCOUNT (6) rounds of BENCHTIME (100ms)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 60m ./bench

# The settings that change what the compiler produces are fixed here, so that the same
# commit and the same version of Go give the same bytes on every machine and in every
# folder. -buildvcs records the commit and its time, and whether the tree was changed.
RELEASE_TARGETS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
RELEASE_COMMANDS ?= lode lodelab
DIST             ?= dist
RELEASE_ENV      := CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= GOFLAGS=
RELEASE_BUILD    := go build -trimpath -buildvcs=true -ldflags='-s -w'

.PHONY: release
release: ## build static, reproducible binaries of RELEASE_TARGETS in DIST (dist), with checksums
	@set -e; rm -rf "$(DIST)"; mkdir -p "$(DIST)"; for target in $(RELEASE_TARGETS); do \
		os=$${target%/*} arch=$${target#*/} end=; [ $$os != windows ] || end=.exe; \
		for command in $(RELEASE_COMMANDS); do \
			echo "$(DIST)/$$command-$$os-$$arch$$end"; \
			$(RELEASE_ENV) GOOS=$$os GOARCH=$$arch $(RELEASE_BUILD) -o "$(DIST)/$$command-$$os-$$arch$$end" ./cmd/$$command; \
		done; \
	done; \
	cd "$(DIST)"; sum=sha256sum; command -v $$sum >/dev/null || sum='shasum -a 256'; \
	$$sum -- lode* >SHA256SUMS.new; mv SHA256SUMS.new SHA256SUMS; cat SHA256SUMS

# CONTAINER is a program that takes the options of docker build.
CONTAINER ?= $(firstword $(foreach program,podman buildah docker,$(if $(shell command -v $(program)),$(program))))
IMAGE     ?= lode
IMAGE_ARCH ?= $(shell go env GOARCH)

.PHONY: image
image: ## build the container image IMAGE (lode) with podman, buildah or docker
	@[ -n "$(CONTAINER)" ] || { echo "none of podman, buildah and docker is installed" >&2; exit 1; }
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; mkdir "$$dir/data"; \
	$(RELEASE_ENV) GOOS=linux GOARCH=$(IMAGE_ARCH) $(RELEASE_BUILD) -o "$$dir/lode" ./cmd/lode; \
	$(CONTAINER) build $(if $(filter docker,$(CONTAINER)),,--format docker) --platform linux/$(IMAGE_ARCH) -f deploy/Containerfile -t $(IMAGE) "$$dir"

# MONITOR has flags of the command, such as -listen and -nodes for other addresses.
.PHONY: monitor
monitor: build ## run three nodes on the network lab, and a Prometheus that watches them
	go run ./dashboards/monitor -lode ./lode $(MONITOR)
