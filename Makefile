# demo: a narrated disaster and failover                   test: everything that CI checks
# bench: farshore beside MirrorMaker 2 (ARGS="--help")     lint: format, clippy, docs, dependencies
# test-kerberos: the build with Kerberos, against a key distribution centre of its own

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test test-kerberos bench bench-allocations lint check setup kafka clean

# The Apache Kafka releases that the tests run against; demo and bench use the first.
KAFKA := 4.1.1 3.9.1 2.8.2

demo: setup kafka
	cargo build --locked --release
	cargo run --locked --release --example demo

test: check kafka
	cargo test --locked

# The parts that need the system's Kerberos library, and a key distribution centre for the tests.
test-kerberos: kafka
	@deploy/setup.sh kerberos
	cargo clippy --locked --features gssapi --all-targets -- -D warnings
	cargo test --locked --features gssapi --lib -- config sasl
	cargo test --locked --features gssapi --test kerberos

bench: setup kafka
	cargo build --locked --release
	cargo run --locked --release --example bench -- $(ARGS)

# The hot path's requests to the allocator, counted by a special build.
bench-allocations: setup kafka
	cargo build --locked --release --features count-allocations
	cargo run --locked --release --features count-allocations --example bench -- --allocations $(ARGS)

lint: check
	if command -v cargo-deny >/dev/null; then cargo deny --config deploy/deny.toml check; fi

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
