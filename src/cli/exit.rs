//! Exit codes and failures of commands.

use std::fmt;
use std::io;
use std::process;

use crate::config::ConfigErrors;
use crate::error::{Error, Kind};

/// The exit codes of `farshore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: wrong usage or configuration, or names that don't exist.
    Usage,
    /// 3: refused because a precondition doesn't hold; nothing was changed.
    Refused,
    /// 4: a mirror partition has diverged.
    Diverged,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(match code {
            ExitCode::Done => 0,
            ExitCode::Failed => 1,
            ExitCode::Usage => 2,
            ExitCode::Refused => 3,
            ExitCode::Diverged => 4,
        })
    }
}

/// The reason why a command ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code, for scripts.
    pub code: ExitCode,
    /// The text, for people.
    pub message: String,
}

impl Failure {
    /// Returns a failure with a message that says what to do.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(ExitCode::Usage, errors.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            Kind::Refused => ExitCode::Refused,
            Kind::Disconnected
            | Kind::TimedOut
            | Kind::Protocol
            | Kind::Broker(_)
            | Kind::Store
            | Kind::Invalid
            | Kind::Stopping => ExitCode::Failed,
        };
        Self::new(code, error.chain())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader has seen enough, as in `farshore status | head`.
            return Self::new(ExitCode::Done, "");
        }
        Self::new(
            ExitCode::Failed,
            format!("cannot write the result: {error}"),
        )
    }
}
