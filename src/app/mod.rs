//! The composition root: configuration in, running service out. The only place that knows every module.

mod identity;
mod initialized;
mod intents;
mod journal_watch;
mod link;
mod mirrored;
mod owner;
mod revival;
mod samples;
mod service;
mod store;
mod terms;

pub use crate::check::check;
pub use service::run;
pub use store::store;
