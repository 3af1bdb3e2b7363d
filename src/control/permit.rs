//! The permit to write to the target, under what is wanted of the link.

use std::sync::Arc;

use crate::model::LinkIntents;
use crate::task::{InFlight, Writing};

/// The intents that a piece of work goes by, and the permit to write under them, unless nothing of the link may be written.
/// While the permit is held, a link that was paused is not at rest.
///
/// Cancellation: safe.
pub(super) async fn permit(
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
