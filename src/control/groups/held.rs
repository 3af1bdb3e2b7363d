//! Offsets in topics whose intent forbids writes: they aren't refreshed, and are the first to be written on a resume.

use std::sync::Arc;

use crate::model::LinkIntents;

/// How often an unchanged offset is committed within the target's offset retention (H17).
const REFRESHES_PER_RETENTION: i64 = 4;
/// The retention assumed for a target that doesn't report one, in milliseconds: the shortest default of any Kafka version.
const RETENTION_UNTOLD_MS: i64 = 24 * 60 * 60 * 1000;

/// The link's intents as obeyed by group sync.
#[derive(Debug, Default)]
pub(super) struct Holding {
    obeyed: Arc<LinkIntents>,
    /// Whether offsets that weren't refreshed may be written again.
    resumed: bool,
}

impl Holding {
    /// Obeys the current intents. Returns whether a pass over the target is due: after a resume until one succeeds, after
    /// any other change once.
    pub(super) fn follow(&mut self, intents: &Arc<LinkIntents>) -> bool {
        let before = std::mem::replace(&mut self.obeyed, Arc::clone(intents));
        let is_other = !Arc::ptr_eq(&before, intents) && before != *intents;
        self.resumed |= is_other && resumes(&before, intents);
        is_other || self.resumed
    }

    /// Notes that a pass over the target succeeded.
    pub(super) fn passed(&mut self) {
        self.resumed = false;
    }

    /// The age, in milliseconds, from which an unchanged offset is committed again.
    pub(super) fn refresh_after_ms(&self, retention_ms: Option<i64>) -> i64 {
        if self.resumed {
            return 0;
        }
        retention_ms.unwrap_or(RETENTION_UNTOLD_MS) / REFRESHES_PER_RETENTION
    }
}

/// Whether `now` permits writes to a topic for which `before` forbids them.
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
