//! The ACLs of mirror topics: those of their sources, and a guard against everybody else who may write.
//!
//! Promises: only what the link added itself is ever removed, and that is recorded before it is added; a link that finds
//! itself refused takes back what it has just added; trouble with ACLs holds up nothing else.
//! Doesn't: judge what is in a topic, or change ACLs of anything but mirror topics.
//!
//! ```text
//! observe both authorizers -> desired (role of the topic, rules) -> plan (what is recorded, what is there)
//!    -> record -> add, remove -> read back, with what the link itself may do -> record
//! ```

mod apply;
pub mod by_hand;
pub mod cluster;
pub mod desired;
pub mod judge;
pub mod plan;
pub mod status;
pub mod sync;
