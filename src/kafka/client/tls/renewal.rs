//! Keeps trust and identity up to date with their files.
//!
//! Promises: a changed file is in force for connections made a moment later; a file that can't be used leaves the former
//! ones in force, and the reason is known. One look at the files at a time; meanwhile the former ones are used.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::model::ClusterName;
use crate::task::blocking;

use super::credentials::{Contents, Credentials, TlsSettings, joined};
use super::failure::TlsFailure;

/// How old the last look at the files may be when a connection is made.
const FILES_AGE_MAX: Duration = Duration::from_secs(1);
/// The same where there are no files but the system's store, which is larger and hardly ever changes.
const SYSTEM_AGE_MAX: Duration = Duration::from_secs(60);

/// Credentials that follow their files.
#[derive(Debug)]
pub(super) struct Renewal {
    cluster: ClusterName,
    settings: TlsSettings,
    state: Mutex<State>,
    looking: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    looked_at: Option<Instant>,
    /// Why the files can't be used at present.
    trouble: Option<String>,
}

#[derive(Debug, Clone)]
struct Current {
    credentials: Credentials,
    digest: [u8; 32],
}

impl Renewal {
    pub(super) fn new(cluster: ClusterName, settings: TlsSettings) -> Arc<Self> {
        Arc::new(Self {
            cluster,
            settings,
            state: Mutex::default(),
            looking: Arc::new(Semaphore::new(1)),
        })
    }

    pub(super) fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// Returns the credentials for a connection, after a look at the files unless the last one was a moment ago.
    ///
    /// Errors: there have never been usable files. Cancellation: the look continues.
    pub(super) async fn credentials(self: &Arc<Self>) -> Result<Credentials> {
        let (known, is_fresh) = self.known();
        let looking = Arc::clone(&self.looking);
        let turn = match (looking.try_acquire_owned(), known) {
            (_, Some(known)) if is_fresh => return Ok(known),
            (Ok(turn), _) => turn,
            (Err(_), Some(known)) => return Ok(known),
            (Err(_), None) => {
                let turn = Arc::clone(&self.looking).acquire_owned().await;
                let turn =
                    turn.map_err(|cause| Error::new(Kind::Stopping, "no look").caused_by(cause))?;
                if let (Some(known), _) = self.known() {
                    return Ok(known);
                }
                turn
            }
        };
        let renewal = Arc::clone(self);
        blocking("reading certificates", move || renewal.look(turn)).await?
    }

    /// The credentials in force, and whether the last look at the files was a moment ago.
    fn known(&self) -> (Option<Credentials>, bool) {
        let age_max = age_max(&self.settings);
        let state = self.state.lock();
        let known = state.current.as_ref().map(|it| it.credentials.clone());
        let is_fresh = state.looked_at.is_some_and(|at| at.elapsed() < age_max);
        (known, is_fresh)
    }

    /// Why the files can't be used at present, although the former ones are in force.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state.lock().trouble.clone()
    }

    /// When the client's certificate ends, in seconds since 1970.
    pub(super) fn ends_at(&self) -> Option<i64> {
        self.state.lock().current.as_ref()?.credentials.ends_at
    }

    /// Reads the files. May block.
    fn look(&self, _turn: OwnedSemaphorePermit) -> Result<Credentials> {
        let read = Contents::read(&self.settings).and_then(|contents| {
            let digest = contents.digest();
            let current = self.state.lock().current.clone();
            match current.filter(|current| current.digest == digest) {
                Some(current) => Ok(current),
                None => Ok(Current {
                    credentials: Credentials::new(&self.settings, &contents)?,
                    digest,
                }),
            }
        });
        let mut state = self.state.lock();
        state.looked_at = Some(Instant::now());
        match read {
            Ok(current) => {
                let before = state.current.replace(current.clone());
                let is_new = before.is_some_and(|before| before.digest != current.digest);
                if state.trouble.take().is_some() || is_new {
                    tracing::info!(cluster = %self.cluster, "the TLS files were read anew: new connections use them");
                }
                Ok(current.credentials)
            }
            Err(errors) => {
                let why = joined(&errors);
                let Some(current) = &state.current else {
                    return Err(unusable(&why));
                };
                let credentials = current.credentials.clone();
                state.trouble = Some(why);
                Ok(credentials)
            }
        }
    }
}

/// How old the last look may be.
fn age_max(settings: &TlsSettings) -> Duration {
    match (&settings.ca_file, &settings.identity) {
        (None, None) => SYSTEM_AGE_MAX,
        _ => FILES_AGE_MAX,
    }
}

fn unusable(why: &str) -> Error {
    let failure = TlsFailure::new(
        format!("the TLS files can't be used ({why})"),
        "correct them, or what the cluster's tls section says of them",
    );
    Error::new(Kind::Disconnected, "connecting failed").caused_by(failure)
}

#[cfg(test)]
mod tests;
