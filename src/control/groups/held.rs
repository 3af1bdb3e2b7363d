//! Offsets in topics that are not to be written to: they aren't kept from expiring, and are written first when that is over.

use std::sync::Arc;

use crate::model::LinkIntents;

/// Unchanged offsets are written again this often within the time after which the target forgets them (H17).
const REFRESHES_PER_RETENTION: i64 = 4;
/// The retention, in milliseconds, of a target that doesn't tell it: no version forgets offsets earlier by default.
const RETENTION_UNTOLD_MS: i64 = 24 * 60 * 60 * 1000;

/// What group sync obeys of the link's intents.
#[derive(Debug, Default)]
pub(super) struct Holding {
    obeyed: Arc<LinkIntents>,
    /// Whether offsets may be written again that weren't kept from expiring.
    resumed: bool,
}

impl Holding {
    /// Obeys the intents as they are now. Says whether something has to be done about that: until a pass over the target
    /// ended well after something was resumed, and once after any other change.
    pub(super) fn follow(&mut self, intents: &Arc<LinkIntents>) -> bool {
        let before = std::mem::replace(&mut self.obeyed, Arc::clone(intents));
        let is_other = !Arc::ptr_eq(&before, intents) && before != *intents;
        self.resumed |= is_other && resumes(&before, intents);
        is_other || self.resumed
    }

    /// A pass over the target ended well.
    pub(super) fn passed(&mut self) {
        self.resumed = false;
    }

    /// The age, in milliseconds, from which an unchanged offset is written again.
    pub(super) fn refresh_after_ms(&self, retention_ms: Option<i64>) -> i64 {
        if self.resumed {
            return 0;
        }
        retention_ms.unwrap_or(RETENTION_UNTOLD_MS) / REFRESHES_PER_RETENTION
    }
}

/// Whether a topic may be written to that couldn't be before.
fn resumes(before: &LinkIntents, now: &LinkIntents) -> bool {
    let of_link = !before.of_link().writes() && now.of_link().writes();
    let mut topics = before.topics.keys();
    of_link || topics.any(|it| !before.of(it).writes() && now.of(it).writes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Intent, IntentChange};

    fn wanted(of_link: Intent, of_topic: Intent) -> Arc<LinkIntents> {
        let names = BTreeSet::from(["a".into()]);
        let set = |topics, intent| {
            let change = IntentChange::Set(intent);
            LinkIntents::default()
                .change(topics, change, "x", 1)
                .unwrap()
        };
        let mut all = set(None, of_link);
        all.merge(&set(Some(&names), of_topic));
        Arc::new(all)
    }

    #[test]
    fn what_is_resumed_is_written_at_once_until_a_pass_ended_well() {
        let mut holding = Holding::default();
        let (mirror, paused) = (Intent::Mirror, Intent::Paused);
        assert!(holding.follow(&wanted(paused, mirror)), "newly held");
        assert_eq!(holding.refresh_after_ms(Some(400)), 100);
        let both = wanted(paused, paused);
        assert!(holding.follow(&both));
        assert!(!holding.follow(&both), "nothing is new");
        assert!(
            holding.follow(&wanted(mirror, paused)),
            "others are resumed"
        );
        assert_eq!(holding.refresh_after_ms(Some(400)), 0);
        holding.passed();
        assert!(holding.follow(&wanted(mirror, mirror)));
        assert!(holding.follow(&wanted(mirror, mirror)), "not done yet");
        assert_eq!(holding.refresh_after_ms(Some(400)), 0);
        holding.passed();
        assert!(!holding.follow(&wanted(mirror, mirror)));
        assert_eq!(holding.refresh_after_ms(None), RETENTION_UNTOLD_MS / 4);
    }
}
