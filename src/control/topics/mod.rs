//! Topic discovery: which topics are mirrored, and mirror topics that can hold them.

pub mod configs;
pub mod plan;
pub mod set;

pub use set::{KnownTopic, MirrorSet, MirroredTopic};
