//! A mirror partition within its worker: phase and state. Pure.

pub(crate) mod effect;
pub(crate) mod lifecycle;
pub(crate) mod mirror;
pub(crate) mod phase;
pub(crate) mod preserve;
pub(crate) mod preserve_state;
pub(crate) mod replica;
pub(crate) mod route;
