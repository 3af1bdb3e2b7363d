//! `make demo`: a disaster and a failover between two real Kafka clusters, with every record accounted for.
//!
//! Promises: exit code 0 only if every record of both sides and every record the consumer group read agree; nothing is left
//! behind, also after Ctrl-C. Doesn't: judge with farshore's own code; all reading and comparing is librdkafka's and this program's.

mod compaction;
mod disaster;
mod figures;
mod group;
mod ledger;
mod mirroring;
mod narrator;
mod operator;
mod progress;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod traffic;

use narrator::Narrator;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

#[tokio::main]
async fn main() {
    let narrator = Narrator::new();
    let agreed = tokio::select! {
        agreed = Box::pin(disaster::survive(&narrator)) => Some(agreed),
        _ = tokio::signal::ctrl_c() => {
            // Clients on threads of their own still run, and will complain when their clusters are gone.
            std::panic::set_hook(Box::new(|_| {}));
            None
        }
    };
    // The story has been dropped, and its clusters with it; those threads need not be waited for.
    std::process::exit(match agreed {
        Some(true) => 0,
        Some(false) => 1,
        None => {
            narrator.say("Interrupted: clusters, farshore and their files are gone.");
            INTERRUPTED
        }
    });
}
