# demo: a narrated disaster and failover                   test: everything that CI checks
# quick: what needs no broker, in minutes                  soak: the long forms of the tests, for hours (COUNT variables below)
# bench: farshore beside MirrorMaker 2 (ARGS="--help")     lint: format, clippy, docs, dependencies
# test-kerberos: the build with Kerberos, against a key distribution centre of its own
# test-record-tls: the build whose record path has TLS, SCRAM and OAUTHBEARER

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test quick soak test-kerberos test-record-tls bench bench-allocations lint check deny setup kafka clean

# The Apache Kafka releases that the tests run against; demo and bench use the first.
KAFKA := 4.1.1 4.3.1 3.9.1 2.8.2

demo: setup kafka
	cargo build --locked --release
	cargo run --locked --release --example demo

# Tests wait for brokers more than they compute: three at a time keep two cores busy.
THREADS := 3
# Where each test that starts clusters leaves its duration.
TIMES := $(CURDIR)/target/test-times

test: check deny kafka
	@rm -f $(TIMES)
	RUST_TEST_THREADS=$(THREADS) FARSHORE_TEST_TIMES=$(TIMES) cargo test --locked
	@echo "The slowest tests, in seconds:" && sort -rn $(TIMES) | head

# Unit tests with the exploration of the lifecycle and the proptests, the rules of the sources, the stores' contract.
quick: setup
	cargo test --locked --lib
	cargo test --locked --test rules
	cargo test --locked --test contract

# How often the long forms kill, take over, decide, and so on.
KILLS := 300
PRESERVE_KILLS := 100
TAKEOVERS := 50
DECISION_ROUNDS := 10
SHORT_GAPS := 2500
STRESS_ROUNDS := 20
PREMISE_ROUNDS := 3
LARGE_GROUPS := 250
STALL_SECONDS := 600

# One after the other: several of them keep both cores busy.
soak: kafka
	cargo test --locked --no-run
	FARSHORE_CHAOS_KILLS=$(KILLS) cargo test --locked --test mirror chaos::
	FARSHORE_PRESERVE_KILLS=$(PRESERVE_KILLS) cargo test --locked --test mirror preserve::kills::
	FARSHORE_TAKEOVERS=$(TAKEOVERS) cargo test --locked --test mirror ownership::takeovers::
	FARSHORE_DECISION_ROUNDS=$(DECISION_ROUNDS) cargo test --locked --test mirror histories::kills::
	FARSHORE_SHORT_GAPS=$(SHORT_GAPS) cargo test --locked --test mirror short_gaps
	FARSHORE_STRESS_ROUNDS=$(STRESS_ROUNDS) cargo test --locked --test mirror stress::
	FARSHORE_PREMISE_ROUNDS=$(PREMISE_ROUNDS) cargo test --locked --test mirror premises::
	FARSHORE_VERSION_MATRIX=1 cargo test --locked --test mirror versions::every
	FARSHORE_ROLLING_UPGRADE=1 cargo test --locked --test mirror stress::upgrades::
	FARSHORE_LARGE_GROUPS=$(LARGE_GROUPS) cargo test --locked --test mirror failover::large::
	FARSHORE_STALL_SECONDS=$(STALL_SECONDS) cargo test --locked --test mirror network::stalled::
	FARSHORE_PATH=record RUST_TEST_THREADS=$(THREADS) cargo test --locked --test mirror

# The parts that need the system's Kerberos library, and a key distribution centre for the tests.
test-kerberos: kafka
	@deploy/setup.sh kerberos
	cargo clippy --locked --features gssapi --all-targets -- -D warnings
	cargo test --locked --features gssapi --lib -- config auth
	cargo test --locked --features gssapi --test kerberos

# The record path with TLS, SCRAM and OAUTHBEARER, which need the system's OpenSSL.
test-record-tls: kafka
	@deploy/setup.sh record-tls
	cargo clippy --locked --features record-tls --all-targets -- -D warnings
	cargo test --locked --features record-tls --lib -- config auth record
	cargo test --locked --features record-tls --test record-tls

bench: setup kafka
	cargo build --locked --release
	cargo run --locked --release --example bench -- $(ARGS)

# The hot path's requests to the allocator, counted by a special build.
bench-allocations: setup kafka
	cargo build --locked --release --features count-allocations
	cargo run --locked --release --features count-allocations --example bench -- --allocations $(ARGS)

lint: check deny

# The database of advisories is asked only if it can be reached.
deny: setup
	@deploy/setup.sh deny
	cargo deny --config deploy/deny.toml check bans licenses sources
	@if cargo deny --config deploy/deny.toml fetch db >/dev/null 2>&1; then cargo deny --config deploy/deny.toml check advisories; \
	else echo "advisories weren't checked: their database can't be reached"; fi

check: setup
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --document-private-items

setup:
	@deploy/setup.sh

kafka: setup
	@deploy/kafka-libs.sh $(KAFKA)

clean:
	cargo clean
	rm -rf .kafka
