//! Moves pending intents into the link's entries and its journal, whether just set or set while the link wasn't owned.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::link::LinkParts;
use crate::checkpoint::intents::IntentKeeper;
use crate::error::{Error, Kind, Result};

/// The delay between attempts while settings are pending.
const RETRY: Duration = Duration::from_millis(200);

impl LinkParts {
    /// Moves pending intents as soon as there are any and the lease is held.
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
                    found.map_err(|_| Error::new(Kind::Stopping, "the link's view was dropped"))?;
                }
            }
            let taking = async {
                if self.ownership.is_held() {
                    match keeper.take_in().await {
                        Ok(()) => return self.view.reload_intents(),
                        Err(error) if error.kind() == Kind::Store => return Err(error),
                        // The link was lost, or the journal lags behind: the intents stay pending.
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
