//! Group sync: committed offsets of real groups arrive exactly, and never overwrite those committed on the target by
//! others.

mod beside;
mod cut;
mod expiry;
mod follow;
mod gaps;
mod tail;
mod vanished;
