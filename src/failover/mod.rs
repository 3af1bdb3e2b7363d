//! Moves consumer groups from the source to the target: by plan, step by step, resumable.
//!
//! Promises: what is done is what the plan said, or it stops before the first commit; every step is durable before it
//! acts and repeatable, so a killed process goes on where it was.
//! Doesn't: stop applications, or redirect them; it says when they may be started on the target.
//!
//! ```text
//! situation -> plan (hash, blockers) -> operation: phase --effect--> event --step--> next phase
//! ```

mod drain;
mod drive;
mod effects;
pub mod operation;
pub mod plan;
pub mod runner;
pub mod sites;
pub mod states;
pub mod step;
mod stored;
