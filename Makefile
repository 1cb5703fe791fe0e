# Nothing here depends on where the checkout lies: paths are relative and may hold blanks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help packages testpackages run build test test-cluster test-outside ambiguity lint contract check soak soak-job soak-steady bench bench-growth
.PHONY: bench-overload fuzz sanitize docs deb test-deb debpackages clean

ROUNDS ?= 200
SEED ?= 1
TICKETS ?= 100000
MINUTES ?= 60
RATE ?= 150
PLOT ?= docs/assets/steady-hour.svg
# What is promised within a second cannot be told beside seven hundred other tests.
ALONE := SabotageTests|PolicyChangeTests
RELEASE := --configuration release --static-swift-stdlib
# As the package starts the service: decision 12 says what it buys.
TUNABLES := glibc.malloc.tcache_count=512

help: ## Prints this
	@grep --extended-regexp '^[a-z-]+:.*## ' Makefile | sed --regexp-extended 's/^([a-z-]+):.*## (.*)/\1\t\2/' \
	    | while IFS=$$'\t' read -r name words; do printf '  make %-12s %s\n' "$$name" "$$words"; done

packages: ## Installs the Debian packages that are missing; silent when none is
	@Scripts/install-packages

testpackages:
	@Scripts/install-packages --test

run: packages ## Builds and starts the service with demonstration data, on a PostgreSQL of its own
	@echo 'Building the release binary (the first time takes some minutes) …'
	@swift build $(RELEASE) --product reglament
	@GLIBC_TUNABLES=$(TUNABLES) exec .build/release/reglament serve --demo

build: packages ## Builds the release binary, .build/release/reglament
	swift build $(RELEASE) --product reglament

test: build testpackages ## Runs all tests on a PostgreSQL it starts itself, and the counting rules' vectors on the release binary
	.build/release/reglament calendar check Tests/RegulationsTests/Vectors/*.jsonl
	timeout --foreground 1500 Scripts/with-postgres Scripts/run-tests --skip '$(ALONE)'
	timeout --foreground 600 Scripts/with-postgres Scripts/run-tests --skip-build --filter '$(ALONE)'

test-cluster: build ## Kills the database server that takes the writes ten times under load: etcd, Patroni, three PostgreSQL; ten minutes
	@Scripts/install-packages --cluster
	Scripts/test-cluster

test-outside: build ## Lets sslyze look at its TLS, and slowhttptest hold a thousand slow connections while others ask; two minutes
	@Scripts/install-packages --outside
	swift build $(RELEASE) --product bench-load
	Scripts/test-outside

ambiguity: testpackages ## Sends far more ambiguous requests through the proxies, and far more mutations, than `make test` does
	REGLAMENT_TEST_AMBIGUOUS=20000 REGLAMENT_TEST_MUTATIONS=50000 \
	    Scripts/run-tests --filter 'DifferentialTests|MutationTests'

lint: ## Checks the format of the Swift sources and the scripts' syntax
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@for script in Scripts/* .ci/run; do \
	    if [ -f "$$script" ] && head --lines=1 "$$script" | grep --quiet bash; then bash -n "$$script"; fi; done

contract: build ## Holds the service against its OpenAPI document with schemathesis; CONTRACT_SECONDS=3600 for longer
	Scripts/contract-test

# What CI has time for; 200 rounds take about an hour.
check: ROUNDS := 10
check: SOAK_OPTIONS := --seconds 4
check: lint test contract soak ## Exactly what CI runs: lint, release build, all tests, the OpenAPI document, ten rounds of soak

soak: build testpackages ## Kills and cuts off everything under load and counts what is left; ROUNDS=200 SEED=1
	swift build $(RELEASE) --product soak
	Scripts/soak $(ROUNDS) $(SEED) $(SOAK_OPTIONS)

soak-job: build testpackages ## Kills the nightly job again and again beside customers; TICKETS=100000 SEED=1
	swift build $(RELEASE) --product soak
	swift build $(RELEASE) --product bench-fill
	Scripts/soak 1 $(SEED) --job $(TICKETS) $(SOAK_OPTIONS)

soak-steady: build testpackages ## Loads one instance evenly for MINUTES=60 at RATE=150 calls a second: nothing may grow; writes a plot
	swift build $(RELEASE) --product soak
	Scripts/soak 1 $(SEED) --steady $(MINUTES) --rate $(RATE) --plot $(PLOT) $(SOAK_OPTIONS)

bench: build ## Measures against pgbench and nginx on this machine, and writes docs/reference/performance.md
	swift build $(RELEASE) --product bench-load
	Scripts/bench

bench-overload: build ## Asks for ten times the lists and searches that one core can serve; three minutes
	swift build $(RELEASE) --product bench-load
	Scripts/bench-overload

bench-growth: build ## Measures at ten thousand, a million and ten million tickets; filling the last needs 90 GB free
	swift build $(RELEASE) --product bench-fill
	Scripts/bench-growth --job

fuzz: packages ## Fuzzes each reader of bytes from outside for two minutes
	Scripts/fuzz

sanitize: testpackages ## Runs all tests with the address sanitizer and the thread sanitizer; it takes long
	Scripts/sanitize

docs: packages ## Writes the generated pages of docs/reference
	swift run reglament docs

debpackages:
	@Scripts/install-packages --deb

deb: build debpackages ## Builds the Debian package in build/deb
	Scripts/deb

test-deb: build debpackages ## Builds the Debian package twice, and installs, upgrades and removes it in a container; needs root
	Scripts/test-deb

clean: ## Removes what was built; data/ stays
	rm --recursive --force .build build/deb
