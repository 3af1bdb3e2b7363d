//! The composition root: configuration in, running service out.

use std::future::{Future, ready};

use crate::config::Config;
use crate::error::{Error, Kind, Result};

/// Runs the service until it is told to stop.
pub fn run(_config: Config) -> impl Future<Output = Result<()>> {
    ready(Err(Error::new(Kind::Refused, "nothing runs yet")))
}

/// Checks what the configuration needs from the clusters.
pub fn check(_config: Config) -> impl Future<Output = Result<()>> {
    ready(Err(Error::new(Kind::Refused, "nothing checks yet")))
}
