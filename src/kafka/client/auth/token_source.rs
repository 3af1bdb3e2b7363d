//! Where tokens come from: a file, or a command, or a token server (`token_url`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::files;
use crate::task::blocking;

use super::token::{TOKEN_MAX, Token, until};
use super::token_url::{self, ClientCredentials};

/// A source of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// A token server, by the client credentials grant of RFC 6749.
    Url(Box<ClientCredentials>),
    /// A file that something else renews.
    File(PathBuf),
    /// A command that prints a token, or an object with `token`, `expires_at_ms` and perhaps `extensions`.
    Command(CommandLine),
}

/// A program with its arguments, which may be secrets and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, found like any other by the operating system.
    pub program: String,
    /// What it is given, as it is: there is no shell.
    pub arguments: Vec<String>,
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandLine").field(&self.program).finish()
    }
}

impl TokenSource {
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Requests a token.
    ///
    /// Cancellation: a command is killed, with the processes it started; a connection is closed.
    pub(super) async fn fetch(self) -> Result<Token, String> {
        match self {
            Self::Url(credentials) => token_url::fetch(*credentials).await,
            Self::File(path) => {
                let about = format!("token_file {}", path.display());
                let read = blocking("a token's file", move || files::secret(&path)).await;
                let secret = read.map_err(|error| error.to_string())?;
                let secret = secret.map_err(|cause| format!("{about} can't be read: {cause}"))?;
                let token = Token::new(secret.reveal().trim(), None, BTreeMap::new());
                token.map_err(|why| format!("{about}: {why}"))
            }
            Self::Command(command) => {
                let about = format!("token_command {:?}", command.program);
                let token = ask(&command).await;
                token.map_err(|why| format!("{about}: {why}"))
            }
        }
    }
}

/// What a command prints instead of a token alone.
#[derive(Deserialize)]
struct Printed {
    token: String,
    expires_at_ms: Option<f64>,
    #[serde(default)]
    extensions: BTreeMap<String, String>,
}

async fn ask(command: &CommandLine) -> Result<Token, String> {
    let printed = output(command).await?;
    let printed = std::str::from_utf8(&printed).unwrap_or("\u{fffd}").trim();
    if !printed.starts_with('{') {
        return Token::new(printed, None, BTreeMap::new());
    }
    // What serde says about a value may quote it.
    let printed: Printed = serde_json::from_str(printed).map_err(|_| {
        "what it prints is no object like {\"token\": \"...\", \"expires_at_ms\": 1767225600000}"
    })?;
    let lifetime = printed.expires_at_ms.and_then(until);
    Token::new(&printed.token, lifetime, printed.extensions)
}

/// Runs a command; returns what it prints. What it reports as errors isn't shown: it may be secret.
async fn output(command: &CommandLine) -> Result<Vec<u8>, String> {
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| format!("it can't be run: {cause}"))?;
    let mut group = Group::of(&child);
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut limited = stdout.take(TOKEN_MAX as u64 * 2 + 1);
        let read = limited.read_to_end(&mut printed).await;
        read.map_err(|cause| format!("it can't be read: {cause}"))?;
    }
    if printed.len() > TOKEN_MAX * 2 {
        return Err(format!("it prints more than {} bytes", TOKEN_MAX * 2));
    }
    let status = child.wait().await;
    group.0 = None;
    let status = status.map_err(|cause| format!("it can't be waited for: {cause}"))?;
    if !status.success() {
        return Err(format!(
            "it ended with {status}: run it by hand to see what it reports"
        ));
    }
    Ok(printed)
}

/// A command with the processes it started: all of them are killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails if they have ended by themselves.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests;
