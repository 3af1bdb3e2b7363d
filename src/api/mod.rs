//! The HTTP interface: what operators, scripts, scrapers and the command line ask of the running service.
//!
//! Promises: whatever a client sends, the answer is JSON with the status that belongs to it and the mirror goes on
//! undisturbed: sizes, times, connections and rates are limited; a change that was begun is finished, also when nobody
//! waits for the answer, and with an `Idempotency-Key` happens once. Every address is described in `docs/api.md`.
//! Doesn't: talk to brokers, or know who asks; it listens where it is told to, loopback by default.
//!
//! ```text
//! connection (number, silence, age) -> rate -> origin -> body -> time -> [to the end -> once] -> handler
//! ```

mod audit;
mod change;
mod document;
mod extract;
mod groups;
mod guard;
mod health;
mod intents;
mod limits;
mod links;
mod operations;
mod plans;
mod problem;
mod rate;
mod readiness;
mod resolve;
mod router;
mod server;
pub mod state;
mod topics;
mod translate;
mod verifications;

#[cfg(test)]
mod tests;

pub use crate::contract::{LinkFailure, LinkState};
pub use limits::Limits;
pub use router::router;
pub use server::serve;
pub use state::{ApiState, LinkHandle};
