//! The composition root: configuration in, running service out. The only place that knows every module.

mod identity;
mod lease;
mod link;
mod metrics;
mod mirrored;
mod service;
mod store;
mod store_recovery;

pub use crate::check::check;
pub use service::run;
pub use store::store;
