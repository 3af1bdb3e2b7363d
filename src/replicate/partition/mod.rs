//! One mirror partition inside its worker: what it is doing and what it holds. Pure.

pub(crate) mod mirror;
pub(crate) mod preserve;
