//! The composition root: configuration in, running service out. The only place that knows every module.

mod check;
mod clusters;
mod identity;
mod initialized;
mod intents;
mod journal_watch;
mod link;
mod mirrored;
mod owner;
mod probe;
mod revival;
mod samples;
mod service;
mod store;
mod terms;

pub use check::check;
pub use service::run;
pub use store::store;
