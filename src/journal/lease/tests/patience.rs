use crate::journal::lease::*;
use crate::journal::testing::{head, owner};

fn seen(offset: i64, id: &str, released: bool) -> Seen {
    let head = Head {
        released,
        ..head(id, 1, 1)
    };
    Seen { offset, head }
}

fn claims(lease_watch: &mut LeaseWatch, seen: Option<Seen>, now: Duration) -> bool {
    lease_watch.judge(seen, &owner("me"), now) == LeaseDecision::Claim
}

#[test]
fn what_nobody_owns_is_claimed_at_once() {
    let at = Duration::from_secs(5);
    for shown in [
        None,
        Some(seen(3, "me", false)),
        Some(seen(3, "other", true)),
    ] {
        assert!(claims(&mut LeaseWatch::default(), shown, at));
    }
}

#[test]
fn an_owner_whose_journal_is_deleted_may_still_write() {
    let mut lease_watch = LeaseWatch::default();
    let mut claims = |shown, at| claims(&mut lease_watch, shown, Duration::from_secs(at));
    assert!(!claims(Some(seen(3, "other", false)), 100));
    assert!(!claims(None, 105));
    assert!(claims(None, 109));
}

#[test]
fn an_owner_is_waited_for_until_it_was_silent_for_a_lease() {
    let mut lease_watch = LeaseWatch::default();
    let silent = LEASE + MARGIN;
    let begun = Duration::from_secs(100);
    let mut claims = |offset, at| claims(&mut lease_watch, Some(seen(offset, "other", false)), at);
    assert!(!claims(3, begun));
    assert!(!claims(3, begun + silent / 2));
    // A sign of life: the wait starts over.
    assert!(!claims(4, begun + silent));
    assert!(!claims(4, begun + silent + LEASE));
    assert!(claims(4, begun + silent * 2));
}
