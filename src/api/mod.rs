//! The HTTP interface of the running service for operators, scripts, scrapers and the command line.
//!
//! Promises: whatever a client sends, the answer is JSON with the appropriate status, and mirroring isn't disturbed:
//! sizes, times, connections and rates are limited. A change that has begun completes even if the client disconnects, and
//! with an `Idempotency-Key` happens once. `docs/api.md` describes every endpoint.
//! Without the token only health is answered. Doesn't: talk to brokers, or encrypt; it listens on the configured
//! address, loopback by default.
//!
//! ```text
//! connection (slot, idle time, age) -> rate -> access -> body -> time -> [to the end -> once] -> handler
//! ```

mod access;
mod acls;
mod audit;
mod change;
mod document;
mod explain;
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
mod settings;
mod slots;
pub mod state;
mod token;
mod topics;
mod translate;
mod verifications;

#[cfg(test)]
mod tests;

pub use crate::contract::{LinkFailure, LinkState};
pub use access::Access;
pub use limits::Limits;
pub use router::router;
pub use server::serve;
pub use state::{ApiState, LinkHandle};
pub use token::ApiToken;
