# Thin targets. What they do is in scripts/ and in the crates; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | column -t -s "$$(printf '\t')"

.PHONY: demo
demo: ## Seven stories, told event by event
	cargo run -q -- demo

.PHONY: test
test: ## Everything that must hold before a change lands
	scripts/test.sh

.PHONY: quick
quick: ## Format, lints and the Rust tests only
	scripts/test.sh --quick

.PHONY: generate
generate: ## Write what derives from the design table; docs/SAMPLES.md needs the emulator
	cargo design --write
	scripts/emulator.sh samples --write

.PHONY: mutants
mutants: ## Take each guard away, and show that simulated runs notice
	scripts/mutants.sh

.PHONY: survival
survival: ## A real process, killed with SIGKILL 200 times under load
	CHORUS_KILLS=200 cargo test -p chorus --test commands -- --nocapture survival

.PHONY: bench
bench: ## Speeds beside a peer, as ratios
	scripts/bench.sh

.PHONY: fuzz
fuzz: ## Every fuzz target, five minutes each
	scripts/fuzz.sh

.PHONY: semver
semver: ## The public face of the crates that others use, beside the last tag's
	scripts/semver.sh

.PHONY: which-rule
which-rule: ## Build the page docs/which-rule.html anew, and try it in a browser
	scripts/which-rule.sh write
	scripts/which-rule.sh test

.PHONY: emulator
emulator: ## The stack on an emulator of AWS, with the real binaries, and an order to try
	scripts/emulator.sh up

.PHONY: emulator-down
emulator-down: ## End it
	scripts/emulator.sh down

.PHONY: emulator-test
emulator-test: ## The flow on an emulator of its own, driven through the API
	scripts/emulator.sh test

.PHONY: samples
samples: ## Every sample event through `cargo lambda invoke`, as docs/SAMPLES.md says
	scripts/emulator.sh samples

.PHONY: northwind-emulator
northwind-emulator: ## Northwind's 830 orders on the emulator, beside the embedded shop (NORTHWIND=folder)
	scripts/emulator.sh northwind

.PHONY: measure
measure: ## The Lambda binaries, optimized: size, memory, start beside a bare hello
	scripts/measure-lambda.sh --build

.PHONY: cost
cost: ## Requests, events and capacity of one order, by the deployed functions' logs
	scripts/emulator.sh cost
