//! Moves consumer groups from the source to the target: by plan, step by step, resumable.
//!
//! Promises: an operation does what its plan said, or stops before the first commit; every step is durable before it acts
//! and can be repeated, so that a killed process resumes where it was.
//! Doesn't: stop or redirect applications; it reports when they may be started on the target.
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
pub mod summary;
