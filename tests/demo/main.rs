//! `make demo`: a disaster and a failover between two real Kafka clusters, with every record accounted for.
//!
//! Promises: exit code 0 only if every record of both sides and every record that the consumer group read agree; nothing is
//! left behind, even after Ctrl-C. Doesn't: judge with farshore's own code; librdkafka and this program do all reading and
//! comparing.

mod compaction;
mod disaster;
mod figures;
mod group;
mod ledger;
mod mirroring;
mod narrator;
mod operator;
mod program;
mod progress;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod traffic;

use std::process::ExitCode;

use narrator::Narrator;

fn main() -> ExitCode {
    program::run(disaster::survive(&Narrator::new()))
}
