//! Log lines on standard error, as text or JSON.
//!
//! Promises: whatever becomes of standard error, nothing waits for it and nothing ends because of it; lines that are lost are
//! counted.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::error::{Error, Kind, Result};

/// The environment variable for a more specific filter than the configured level, such as `info,farshore::kafka=debug`.
pub const FILTER_VARIABLE: &str = "FARSHORE_LOG";

/// The limit of lines that wait to be written; further ones are lost.
const LINES_LIMIT: usize = 8_192;

/// The log; dropped, it writes what still waits, for at most about a second.
#[derive(Debug)]
pub struct Log {
    lost: LostLines,
    _writer: WorkerGuard,
}

/// Counts the lines that weren't written.
#[derive(Debug, Clone, Default)]
pub struct LostLines {
    unwritten: Arc<AtomicU64>,
    refused: Option<ErrorCounter>,
}

impl Log {
    /// The count of lines that weren't written.
    pub fn lost_lines(&self) -> LostLines {
        self.lost.clone()
    }
}

impl LostLines {
    /// How many lines standard error didn't take, or not fast enough.
    pub fn count(&self) -> u64 {
        let refused = self.refused.as_ref().map_or(0, ErrorCounter::dropped_lines);
        let unwritten = self.unwritten.load(Ordering::Relaxed);
        unwritten.saturating_add(u64::try_from(refused).unwrap_or(u64::MAX))
    }
}

/// Passes lines to an output that may fail, and begins to write again as soon as it can be written.
struct Surviving<W> {
    output: W,
    unwritten: Arc<AtomicU64>,
}

impl<W: Write> Write for Surviving<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.output.write_all(line).is_err() {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A line that can't be flushed is lost like one that can't be written.
        drop(self.output.flush());
        Ok(())
    }
}

/// Initializes logging for the whole process, once; `filter` is the value of [`FILTER_VARIABLE`], if set.
///
/// Errors: [`Kind::Invalid`] if the filter is invalid or logging has already been initialized.
pub fn init(config: &LogConfig, filter: Option<&str>) -> Result<Log> {
    let unwritten = Arc::<AtomicU64>::default();
    let output = Surviving {
        output: io::stderr(),
        unwritten: Arc::clone(&unwritten),
    };
    let queue = NonBlockingBuilder::default().buffered_lines_limit(LINES_LIMIT);
    let (writer, guard) = queue.thread_name("log").finish(output);
    let lost = LostLines {
        unwritten,
        refused: Some(writer.error_counter()),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(env_filter(config, filter)?)
        .with_writer(writer)
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|cause| Error::new(Kind::Invalid, "cannot start logging").caused_by(cause))?;
    Ok(Log {
        lost,
        _writer: guard,
    })
}

fn env_filter(config: &LogConfig, filter: Option<&str>) -> Result<EnvFilter> {
    EnvFilter::try_new(filter.unwrap_or(config.level.as_str())).map_err(|cause| {
        let message = format!("{FILTER_VARIABLE} is not a log filter");
        Error::new(Kind::Invalid, message).caused_by(cause)
    })
}

#[cfg(test)]
mod tests;
