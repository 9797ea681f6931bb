# What there is to do: `make help`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CRD := crds/migrationtaskwatches.yaml
CHART := charts/migration-task-watch
CHART_CRD := $(CHART)/files/migrationtaskwatches.yaml

# $(call need,<command>,<how to get it>)
need = command -v $(1) >/dev/null || { echo "error: $(1) is missing: $(2)" >&2; exit 1; }
need_cargo = $(call need,cargo,install Rust from https://rustup.rs)
need_git = $(call need,git,install it with the system's package manager)
need_go = $(call need,go,install Go 1.26 or newer from https://go.dev/dl/)
need_python = $(call need,python3,install Python 3.9 or newer)

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do printf '  %-14s %s\n' "$$target" "$$text"; done

.PHONY: demo
demo: ## Show the operator at work, on a cluster and SMS of its own (KEEP=1 leaves them running; CLUSTER=current uses yours)
	@$(need_cargo); $(need_git)
	@[[ -e $${CARGO_TARGET_DIR:-target}/debug/demo ]] || echo "Building the operator and the demo: one to two minutes on two cores, the first time." >&2
	@cargo build --locked --package migration-task-watch --bin migration-task-watch --package demo --bin demo
	@assets=; [[ "$(CLUSTER)" == current ]] || assets=$$(tests/cluster/build.sh); \
		KUBEBUILDER_ASSETS=$$assets exec cargo run --quiet --locked --package demo

.PHONY: test
test: ## Run all tests, the end-to-end ones on a real API server
	@$(need_cargo); $(need_git)
	@# Most end-to-end tests wait most of the time: more of them than there are cores. make verify looks longer for rare faults.
	@KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS && \
		RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} SIMULATION_SEEDS=$${SIMULATION_SEEDS:-200} KILLS=$${KILLS:-5} \
		cargo test --locked --workspace

.PHONY: chaos
chaos: ## Kill and pause two operators at random while tasks move (KILLS=200 times; CHAOS_SEED=n repeats a run)
	@$(need_cargo); $(need_git)
	@KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS && \
		KILLS=$(or $(KILLS),200) CHAOS_SEED=$(CHAOS_SEED) cargo test --locked --test e2e chaos:: -- --nocapture

.PHONY: soak
soak: ## Run 500 watches with moving tasks and small troubles, and look for growth (MINUTES=10)
	@$(need_cargo); $(need_git)
	@KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS && \
		MINUTES=$(or $(MINUTES),10) SOAK_SEED=$(SOAK_SEED) cargo test --locked --test e2e soak:: -- --nocapture

.PHONY: bench
bench: ## Measure the release build on a real API server (SCENARIO=fleet-300 for one, all for all, core for the parts; RUNS=5 of the short ones)
	@$(need_cargo); $(need_git)
ifeq ($(SCENARIO),core)
	@cargo bench --locked --package bench --bench core
else
	@profile=$$($(MAKE) --no-print-directory profile) && operator=$$(PROFILE=$$profile .ci/binary.sh) && \
		KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS SCENARIO RUNS=$(or $(RUNS),5) && \
		exec "$${CARGO_TARGET_DIR:-target}/release/bench" run --operator "$$operator"
endif

.PHONY: profile
profile: ## Find out which code the operator runs, for the image and `make bench`, and print where that is; about a quarter of an hour
	@$(need_cargo); $(need_git)
	@cargo build --locked --release --package bench
	@KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS && \
		.ci/profile.sh "$${CARGO_TARGET_DIR:-target}/release/bench"

.PHONY: lint
lint: ## Check format, lints, docs, dependencies, generated files and scripts
	@$(need_cargo); $(need_git); $(need_python)
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package migration-task-watch --features otlp --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	@.ci/drift.sh $(CRD) cargo run --quiet --locked -- crd
	@.ci/drift.sh $(CHART_CRD) cat $(CRD)
	@.ci/drift.sh $(CHART)/README.md .ci/chart-readme.sh
	@.ci/drift.sh docs/images/demo.svg .ci/picture.py README.md
	@.ci/version-check.sh
	@.ci/book.sh >/dev/null
	@.ci/check.sh

.PHONY: verify
verify: ## Check the chart, the kustomization, the alerts and the examples with the real tools; look longer for rare faults; fuzz
	@$(need_cargo); $(need_git); $(need_go); $(need_python)
	@tests/verify/run.sh
	SIMULATION_SEEDS=1000 cargo test --quiet --locked --lib simulation::invariants
	@KUBEBUILDER_ASSETS=$$(tests/cluster/build.sh) && export KUBEBUILDER_ASSETS && \
		KILLS=20 cargo test --quiet --locked --test e2e chaos:: && \
		cargo test --quiet --locked --package migration-task-watch --features otlp --test e2e traces::
	@# Always the same search: a change isn't refused for what was there before. Each night looks elsewhere.
	@FUZZ_SEED=1 fuzz/run.sh 10

.PHONY: fuzz
fuzz: ## Hand bytes of a fuzzer to all that reads those of others (TARGET=page for one; TIME=60 seconds each; FUZZ_SEED=n repeats a search)
	@$(need_cargo); $(need_git); $(need_python)
	@fuzz/run.sh "$(or $(TIME),60)" $(TARGET)

.PHONY: generate
generate: ## Write what is made from other files: the definition, the chart's README, the kustomization, README's picture, tables in docs/
	@$(need_cargo); $(need_git); $(need_go); $(need_python)
	@mkdir -p $(dir $(CRD))
	cargo run --quiet --locked -- crd > $(CRD).new
	mv $(CRD).new $(CRD)
	cp $(CRD) $(CHART_CRD)
	.ci/picture.py README.md > docs/images/demo.svg.new
	mv docs/images/demo.svg.new docs/images/demo.svg
	.ci/chart-readme.sh > $(CHART)/README.md.new
	mv $(CHART)/README.md.new $(CHART)/README.md
	@mkdir -p kustomize/base
	.ci/kustomize.sh crd > kustomize/base/crd.yaml.new
	mv kustomize/base/crd.yaml.new kustomize/base/crd.yaml
	.ci/kustomize.sh operator > kustomize/base/operator.yaml.new
	mv kustomize/base/operator.yaml.new kustomize/base/operator.yaml
	WRITE_DOCS=1 cargo test --quiet --locked --lib document
	WRITE_DOCS=1 cargo test --quiet --locked --test e2e faults::document
	WRITE_DOCS=1 tests/verify/gitops.sh

.PHONY: docs
docs: ## Build the documentation as a site, and check its links
	@$(need_git); $(need_python)
	@.ci/book.sh

.PHONY: release
release: ## Give all files the version VERSION=x.y.z, and say what comes next
	@$(need_cargo); $(need_git); $(need_go)
	@.ci/release.sh "$(VERSION)"

.PHONY: cluster
cluster: ## Build the etcd and kube-apiserver of the tests into .build/bin (once)
	@$(need_go); $(need_git)
	@tests/cluster/build.sh

.PHONY: clean
clean: ## Remove all that was built
	rm -rf target .build
