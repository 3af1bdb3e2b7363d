//! Being written.

mod address;

pub use address::HostPort;
