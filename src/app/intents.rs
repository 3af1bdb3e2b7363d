//! Moves pending intents, set just now or while the link wasn't owned, into the link's entries and its journal.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use crate::checkpoint::intents::IntentKeeper;
use crate::error::{Error, Kind, Result};

/// With settings pending, the wait before it tries again or checks the lease again.
const RETRY: Duration = Duration::from_millis(200);

impl Link {
    /// Moves pending intents as soon as there are some and the lease is held.
    ///
    /// Errors: the checkpoint DB failed. Cancellation: safe, they stay pending.
    pub(super) async fn keep_intents(self, stop: CancellationToken) -> Result<()> {
        let keeper = IntentKeeper {
            store: &*self.store,
            link: &self.config.name,
            audit: &self.audit,
            pending: &self.pending_intents,
        };
        let mut pending = self.view.pending_intents();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                found = pending.wait_for(|pending| !pending.is_empty()) => {
                    found.map_err(|_| Error::new(Kind::Stopping, "nobody shows the link any more"))?;
                }
            }
            let taking = async {
                if self.ownership.is_held() {
                    match keeper.take_in().await {
                        Ok(()) => return self.view.reload_intents(),
                        Err(error) if error.kind() == Kind::Store => return Err(error),
                        // The link was lost, or the journal is behind: they stay pending.
                        Err(_) => {}
                    }
                }
                sleep(RETRY).await;
                Ok(())
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                taken = taking => taken?,
            }
        }
    }
}
