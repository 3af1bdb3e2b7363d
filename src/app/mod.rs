//! The composition root: configuration in, running service out. The only place that knows every module.

mod check;
mod clusters;
mod identity;
mod initialized;
mod link;
mod mirrored;
mod probe;
mod samples;
mod service;

pub use check::check;
pub use service::run;
