//! Sees to it that somebody hears of it when the journal's topic no longer keeps what is written to it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::journal::Topic;
use crate::task::Rounds;

use super::link::Link;

const LOOK: Duration = Duration::from_secs(15);

impl Link {
    /// Looks at the journal's cleanup policy now and then, and warns while it isn't the one it was made with. A target that
    /// doesn't tell leaves what was said.
    pub(super) async fn watch_journal(self, stop: CancellationToken) -> Result<()> {
        if !self.config.journal {
            return Ok(());
        }
        let mut rounds = Rounds::every(LOOK, stop);
        while rounds.next().await {
            let (target, link) = (&self.target.cluster, &self.config.name);
            if let Ok(Some(policy)) = Topic::policy(target, link).await {
                self.warn((policy != "compact").then(|| {
                    let name = Topic::name(link);
                    format!("the journal {name} has cleanup.policy={policy}, so that it will lose what a rebuild needs; set it to compact again")
                }));
            }
        }
        Ok(())
    }

    /// Shows a warning or that there is none, and logs what is new.
    fn warn(&self, warning: Option<String>) {
        self.condition.send_if_modified(|condition| {
            let is_new = condition.warning != warning;
            if is_new && let Some(text) = &warning {
                tracing::warn!(link = %self.config.name, "{text}");
            }
            condition.warning = warning;
            is_new
        });
    }
}
