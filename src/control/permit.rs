//! The permit to write to the target under the link's intents.

use std::sync::Arc;

use crate::model::LinkIntents;
use crate::task::{InFlight, Writing};

/// Returns the intents for a piece of work and, unless they forbid all writes of the link, the permit to write under them.
/// While the permit is held, a paused link still counts as having writes in flight.
///
/// Cancellation: safe.
pub(super) async fn link_permit(
    in_flight: &InFlight,
    intents: impl Fn() -> Arc<LinkIntents>,
) -> (Arc<LinkIntents>, Option<Writing>) {
    let before = intents();
    if !before.of_link().writes() {
        return (before, None);
    }
    let writing = in_flight.begin().await;
    (intents(), Some(writing))
}
