# rolegate: what can be done with it. `make` alone lists it.

export CARGO_TERM_COLOR ?= auto

# What the program says it was built from, debug builds included; nothing where this is no repository of ours.
export ROLEGATE_COMMIT ?= $(shell git ls-files --error-unmatch proxy/build.rs >/dev/null 2>&1 && git rev-parse --short=12 HEAD)

# With the features that the tests have, so that targets share what they build.
ALL = --locked --workspace --features rolegate/aws,rolegate-loadtest/load

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20

.PHONY: console
console: ## Build the console's pages (Node.js 18 or newer), which the gate then holds
	proxy/console/build.sh

.PHONY: demo
demo: ## Build and start gate, Redshift stand-in and sample policy; Ctrl-C ends it all; GATE=127.0.0.1:6439, STANDIN=, ADMIN= for other ports, IDLE=1 for one at which nobody works
	@# Without Node.js (status 3) the demo has everything but the console.
	@proxy/console/build.sh || [ $$? -eq 3 ]
	cargo run --locked --package rolegate-loadtest --bin demo -- $(if $(GATE),--gate $(GATE)) $(if $(STANDIN),--standin $(STANDIN)) $(if $(ADMIN),--admin $(ADMIN)) $(if $(IDLE),--idle)

.PHONY: build
build: ## Build the gate for everyday work: target/debug/rolegate
	cargo build --locked --package rolegate

.PHONY: dist
dist: console ## Build the gate as release images do, with link-time optimisation: target/dist/rolegate
	cargo build --locked --profile dist --package rolegate --features aws

.PHONY: release
release: ## Build what a release holds into target/releases: programs, Debian package, chart, bill of materials, checksums; goes on where it was interrupted. TARGETS="x86_64-unknown-linux-musl" JOBS=1 for less at once
	deploy/release/release.sh $(TARGETS)

.PHONY: setup
setup: ## Install what the tests need: Debian packages and a Python environment in target/venv
	tests/setup.sh

.PHONY: test
test: ## Run all tests and print one closing line of counts; installs what they need
	python3 tests/run.py tests

.PHONY: unit
unit: ## Run the tests of the Rust code alone
	cargo test $(ALL)

.PHONY: e2e
e2e: setup ## Run the end-to-end tests alone: real clients, real servers
	cargo build $(ALL) --bins --examples
	target/venv/bin/python -m pytest -q -ra -m "not alone" --numprocesses 4 --dist loadfile --no-loadscope-reorder tests/e2e tests/deploy
	target/venv/bin/python -m pytest -q -ra -m alone tests/e2e tests/deploy

.PHONY: test-console
test-console: setup ## Test the console alone: its parts, and its pages in Chromium; pictures of each view in target/console
	cargo build $(ALL) --bins
	npm --prefix proxy/console test
	tests/console/run.sh

.PHONY: test-aws
test-aws: setup ## Test the AWS source with the real SDK, against moto and a small fake
	tests/aws/run.sh

.PHONY: test-sqlalchemy
test-sqlalchemy: setup ## Run SQLAlchemy's PostgreSQL suite direct and through the gate, and demand the same outcome of every test
	tests/sqlalchemy/run.sh

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZ_SECONDS (60) each; needs a nightly compiler
	proxy/fuzz/run.sh $(or $(FUZZ_SECONDS),60)

.PHONY: oracle
oracle: ## Compare the IAM evaluation with a published evaluator on 6,000 hops of random statements and 20,000 of interacting policies (Node.js; nothing of it is shipped)
	tests/oracle/run.sh 6000 20000

.PHONY: faults
faults: setup ## Inject faults on both legs of the gate: FAULT_ROUNDS (20) rounds from FAULT_SEED (1); make test takes one round
	cargo build $(ALL) --bins --examples
	FAULT_ROUNDS=$(or $(FAULT_ROUNDS),20) FAULT_SEED=$(or $(FAULT_SEED),1) target/venv/bin/python -m pytest -q -ra -s tests/e2e/test_faults.py

.PHONY: soak
soak: setup ## Mixed traffic, reloads and faults for SOAK_MINUTES (20); says whether memory and descriptors stay where they were
	cargo build $(ALL) --bins
	SOAK_MINUTES=$(or $(SOAK_MINUTES),20) FAULT_SEED=$(or $(FAULT_SEED),1) target/venv/bin/python tests/faults/soak.py

.PHONY: audit-faults
audit-faults: setup ## The audit under load for AUDIT_MINUTES (10): disk filled and emptied, file removed, process killed; says whether anything is missing that should not be
	cargo build $(ALL) --bins
	AUDIT_MINUTES=$(or $(AUDIT_MINUTES),10) FAULT_SEED=$(or $(FAULT_SEED),1) target/venv/bin/python tests/faults/audit_load.py

.PHONY: scale
scale: ## Measure what the facts of 200 accounts of 1,000 roles and of 2,000 accounts of 100 cost: loading, memory, paths, verdicts
	cargo build --locked --release --package rolegate --package rolegate-loadtest --bins
	python3 loadtest/scale.py
	cargo bench --locked --package rolegate-loadtest --bench verdict

.PHONY: bench-reload
bench-reload: setup ## Measure reloads of 200 accounts of 1,000 roles in which one account changes: time, memory, statements beside them; RELOAD="--accounts 20" or other options
	cargo build --locked --release --package rolegate --package rolegate-loadtest --bins
	target/venv/bin/python loadtest/reload_bench.py $(RELOAD)

.PHONY: properties
properties: setup ## Run the property and differential tests of the lexer on 200,000 generated texts each, and look for secrets in what is said of 20,000
	ROLEGATE_PROPERTY_CASES=200000 cargo test $(ALL) --test sql_disguise -- --nocapture
	cargo build $(ALL) --bins --examples
	ROLEGATE_DIFFERENTIAL_CASES=200000 ROLEGATE_SECRET_CASES=20000 target/venv/bin/python -m pytest -q -s tests/e2e/test_lexer.py tests/e2e/test_scanner.py tests/e2e/test_secrets.py

# Gate and load generator together, so that targets share what they build.
BOTH = --locked --package rolegate --package rolegate-loadtest --features rolegate-loadtest/load

.PHONY: load
load: ## Run the load scenario SCENARIO (point; see loadtest/scenarios, or all) against a gate and the stand-in; OPTIONS="--seconds 3 --rate 200"
	cargo build $(BOTH) --release --bins
	python3 loadtest/run.py $(or $(SCENARIO),point) $(OPTIONS)

.PHONY: bench
bench: ## Measure lexer, grammar, frames and verdicts; BENCH=lexer (or another part of a name) measures only those
	cargo bench $(BOTH) --profile dist --bench sql --bench verdict --bench growth -- $(BENCH)

.PHONY: bench-instructions
bench-instructions: ## Count the instructions of lexer, grammar and frames; over 5 % more than proxy/benches/instructions.json fails
	cargo build $(BOTH) --release --example instructions
	python3 proxy/benches/instructions.py

.PHONY: bench-baseline
bench-baseline: ## Write proxy/benches/instructions.json anew, after a change that is meant to cost or save instructions
	cargo build $(BOTH) --release --example instructions
	cargo build $(ALL) --bins --examples
	python3 proxy/benches/instructions.py --write
	python3 proxy/benches/instructions.py --write --profile dev

.PHONY: bench-peers
bench-peers: dist ## Measure the gate beside PgBouncer and HAProxy; BENCH="--quick" or other options of loadtest/peers/bench.py
	python3 loadtest/peers/bench.py $(BENCH)

.PHONY: bench-isolation
bench-isolation: setup ## Measure how long a quiet session waits beside one that floods, as ratios in one run; ISOLATION="--direct" or other options
	cargo build --locked --release --package rolegate
	target/venv/bin/python loadtest/isolation.py $(ISOLATION)

.PHONY: bench-audit
bench-audit: ## Write an audit of a gigabyte and verify it; over 10 s fails. AUDIT="--megabytes 100" or other options
	cargo build --locked --release --package rolegate
	python3 loadtest/audit_bench.py $(AUDIT)

.PHONY: bench-history
bench-history: dist ## Replay a history of 4,000,000 statements, beside sqlparser, libpg_query and sqlglot parsing the same texts; HISTORY="--statements 400000" or other options
	cargo build --locked --release --package rolegate-loadtest --example parse_texts
	python3 -m venv target/bench-venv
	target/bench-venv/bin/python -m pip install --quiet --disable-pip-version-check -r loadtest/history-requirements.txt
	target/bench-venv/bin/python loadtest/history_bench.py $(HISTORY)

.PHONY: company-year
company-year: dist ## Take a generated year of a company (2,000,000 statements) through replay, learn, diff and lint; all that is bad must be listed for review. YEAR="--statements 200000" or other options
	python3 loadtest/company_year.py $(YEAR)

.PHONY: idle
idle: dist ## Hold 8,000 idle sessions at once: memory of each, and how fast new ones are let in; IDLE="--sessions 1000" or other options
	cargo build --locked --release --package rolegate-loadtest --bin standin
	python3 loadtest/idle.py $(IDLE)

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fmt-check
fmt-check: ## Say whether the code is formatted
	cargo fmt --all --check

.PHONY: clippy
clippy: ## Run the lints, which are errors
	cargo clippy $(ALL) --all-targets -- -D warnings

.PHONY: doc
doc: ## Build the documentation of the code, private items too
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps --document-private-items

.PHONY: licences
licences: ## Check licences, sources and bans of the dependencies against deny.toml
	python3 tests/licences.py

.PHONY: deny
deny: ## The same with cargo-deny, which takes longer to install than all tests take to run
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --all-features check bans licenses sources

.PHONY: layout
layout: ## Check how the crate is laid out: order of rooms, circles of files, sizes, unused dependencies; shows the figures
	cargo test $(ALL) --test layering -- --nocapture --test-threads 1

.PHONY: check
check: ## Everything that a change must pass: format, licences, lints, documentation, tests; changes nothing
	python3 tests/run.py checks tests
