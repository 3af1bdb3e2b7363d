//! Group sync: committed offsets of real groups arrive exactly, and never over what others committed on the target.

mod beside;
mod cut;
mod expiry;
mod follow;
mod gaps;
mod tail;
