# Thin targets: the work is done by scripts/ and the crates; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | column -t -s "$$(printf '\t')"

.PHONY: advisories
advisories: ## Compare the dependencies with the vulnerabilities that RustSec knows (from the network)
	scripts/deny.sh advisories

.PHONY: demo
demo: ## Run seven example orders and print their events
	cargo run -q -- demo

.PHONY: test
test: ## The same; template, AsyncAPI, console, licences, mail server, localstripe, emulators, key order
	scripts/test.sh

.PHONY: quick
quick: ## Format, lints, rustdoc, the Rust tests, the mutants' patches, and 2,000 simulated seeds
	scripts/test.sh --quick

.PHONY: generate
generate: ## Write the files that derive from the design table; docs/SAMPLES.md needs the emulator
	cargo design --write
	scripts/emulator.sh samples --write

.PHONY: mutants
mutants: ## Remove each guard, and show that simulated runs notice
	scripts/mutants.sh

.PHONY: survival
survival: ## A real process, killed with SIGKILL 200 times under load
	CHORUS_KILLS=200 cargo test -p chorus --test commands -- --nocapture survival

.PHONY: noisy-tenant
noisy-tenant: ## CHORUS_NOISY (10000) orders of one tenant at once, and what that costs the others
	CHORUS_NOISY=$${CHORUS_NOISY:-10000} cargo test --profile simulation -p chorus-shop --test fairness -- --nocapture

.PHONY: bench
bench: ## Benchmarks against a comparable library, as ratios
	scripts/bench.sh

.PHONY: fuzz
fuzz: ## Every fuzz target, five minutes each
	scripts/fuzz.sh

.PHONY: semver
semver: ## Compare the public API of the libraries with the last tag's
	scripts/semver.sh

.PHONY: api-fuzz
api-fuzz: ## Ten thousand requests that the OpenAPI document allows, or does not, to the embedded shop
	cargo build -q -p chorus
	scripts/openapi.sh fuzz 800

.PHONY: which-rule
which-rule: ## Build docs/which-rule.html, and test it in a browser
	scripts/which-rule.sh write
	scripts/which-rule.sh test

.PHONY: emulator
emulator: ## The stack on an emulator of AWS, with the real binaries, and an order to try
	scripts/emulator.sh up

.PHONY: emulator-down
emulator-down: ## Stop the emulator
	scripts/emulator.sh down

.PHONY: failover-emulator
failover-emulator: ## Two regions of one emulator, and a failover between them by the command
	scripts/emulator.sh failover

.PHONY: emulator-test
emulator-test: ## The flow on an emulator of its own, driven through the API
	scripts/emulator.sh test

.PHONY: emulator-accounts
emulator-accounts: ## The shop and the enterprise's bus in two accounts of an emulator, and what comes and goes
	scripts/emulator.sh accounts

.PHONY: emulator-burst
emulator-burst: ## CHORUS_BURST (1000) orders for one item at once, on the emulator
	scripts/emulator.sh burst

.PHONY: samples
samples: ## Invoke each function with each sample event, and compare with docs/SAMPLES.md
	scripts/emulator.sh samples

.PHONY: northwind-emulator
northwind-emulator: ## Northwind's 830 orders on the emulator, beside the embedded shop (NORTHWIND=folder)
	scripts/emulator.sh northwind

.PHONY: measure
measure: ## The Lambda binaries, optimized: size, memory, cold start compared with an empty function
	scripts/measure-lambda.sh --build

.PHONY: cost
cost: ## Requests, events and capacity of one order, by the deployed functions' logs
	scripts/emulator.sh cost
