//! Log lines on standard error, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::error::{Error, Kind, Result};

/// The environment variable for a more specific filter than the configured level, such as `info,farshore::kafka=debug`.
pub const FILTER_VARIABLE: &str = "FARSHORE_LOG";

/// Initializes logging for the whole process, once; `filter` is the value of [`FILTER_VARIABLE`], if set.
///
/// Errors: [`Kind::Invalid`] if the filter is invalid or logging has already been initialized.
pub fn init(config: &LogConfig, filter: Option<&str>) -> Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(env_filter(config, filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|cause| Error::new(Kind::Invalid, "cannot start logging").caused_by(cause))
}

fn env_filter(config: &LogConfig, filter: Option<&str>) -> Result<EnvFilter> {
    EnvFilter::try_new(filter.unwrap_or(config.level.as_str())).map_err(|cause| {
        let message = format!("{FILTER_VARIABLE} is not a log filter");
        Error::new(Kind::Invalid, message).caused_by(cause)
    })
}

#[cfg(test)]
mod tests;
