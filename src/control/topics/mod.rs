//! Topic discovery: which topics are mirrored, and mirror topics that can hold them.
//!
//! Promises: a mirror topic has every config that matters to correctness before it is announced to a worker; no topic is
//! deleted, shrunk or created again, except to reseed it as decided.
//! Doesn't: judge what is in a topic; workers verify that themselves. Of a topic that begins with the source's own name it
//! asks who wrote the newest batch.

mod apply;
pub mod cluster;
pub mod configs;
pub mod discovery;
mod namesakes;
pub mod plan;
mod remembered;
pub mod sight;
mod starts;

pub use discovery::Discovery;
