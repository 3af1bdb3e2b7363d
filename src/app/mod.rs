//! The composition root: configuration in, running service out. The only module that depends on all others.

mod condition;
mod driver;
mod identity;
mod lease;
mod link;
mod metrics;
mod mirrored;
mod phase;
mod registry;
mod service;
mod store;
mod store_recovery;

pub use crate::check::{check, refused};
pub use service::run;
pub use store::store;
