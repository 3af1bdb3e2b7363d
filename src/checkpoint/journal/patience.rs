//! When a link may be claimed: pure, over what the journal showed and when.

use std::time::Duration;

use super::{Head, LEASE, MARGIN, Owner};

/// A head and where it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) offset: i64,
    pub(super) head: Head,
}

/// What is to be done about a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Claim it.
    Claim,
    /// Look again: somebody may own it.
    Wait(Head),
}

/// Watches the heads of a journal. Times are those of one monotonic clock, since any moment.
#[derive(Debug, Default)]
pub(super) struct Patience {
    last: Option<(Seen, Duration)>,
}

impl Patience {
    /// Judges what the journal shows now. A head counts from when it was first seen: it was written before that, so its
    /// owner's lease ends no later than a lease after.
    pub(super) fn judge(&mut self, seen: Option<Seen>, me: &Owner, now: Duration) -> Verdict {
        if let Some(seen) = seen
            && self.last.as_ref().is_none_or(|(last, _)| *last != seen)
        {
            self.last = Some((seen, now));
        }
        // A journal that was deleted says nothing about whoever wrote to it.
        let Some((Seen { head, .. }, first_seen)) = &self.last else {
            return Verdict::Claim;
        };
        // Its former process is dead: this one holds the lock of the same DB.
        let is_own = head.owner.id == me.id;
        if head.released || is_own || now.saturating_sub(*first_seen) >= LEASE + MARGIN {
            Verdict::Claim
        } else {
            Verdict::Wait(head.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            host: "h".to_owned(),
            process: 1,
            api_url: None,
        }
    }

    fn seen(offset: i64, id: &str, released: bool) -> Seen {
        let head = Head {
            owner: owner(id),
            since_ms: 0,
            term: 1,
            claim: 1,
            revision: None,
            released,
        };
        Seen { offset, head }
    }

    fn claims(patience: &mut Patience, seen: Option<Seen>, now: Duration) -> bool {
        patience.judge(seen, &owner("me"), now) == Verdict::Claim
    }

    #[test]
    fn what_nobody_owns_is_claimed_at_once() {
        let at = Duration::from_secs(5);
        for shown in [
            None,
            Some(seen(3, "me", false)),
            Some(seen(3, "other", true)),
        ] {
            assert!(claims(&mut Patience::default(), shown, at));
        }
    }

    #[test]
    fn an_owner_whose_journal_is_deleted_may_still_write() {
        let mut patience = Patience::default();
        let mut claims = |shown, at| claims(&mut patience, shown, Duration::from_secs(at));
        assert!(!claims(Some(seen(3, "other", false)), 100));
        assert!(!claims(None, 105));
        assert!(claims(None, 109));
    }

    #[test]
    fn an_owner_is_waited_for_until_it_was_silent_for_a_lease() {
        let mut patience = Patience::default();
        let silent = LEASE + MARGIN;
        let begun = Duration::from_secs(100);
        let mut claims = |offset, at| claims(&mut patience, Some(seen(offset, "other", false)), at);
        assert!(!claims(3, begun));
        assert!(!claims(3, begun + silent / 2));
        // A sign of life: the wait begins anew.
        assert!(!claims(4, begun + silent));
        assert!(!claims(4, begun + silent + LEASE));
        assert!(claims(4, begun + silent * 2));
    }
}
