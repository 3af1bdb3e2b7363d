use std::collections::BTreeSet;

use super::*;

const LEASE: Duration = Duration::from_mins(5);

fn lane(broker: i32) -> Lane {
    Lane {
        broker: BrokerId(broker),
        slot: 1,
    }
}

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn after(from: Replica, event: ReplicaEvent, seconds: u64) -> Replica {
    from.step(event, at(seconds), LEASE)
}

#[test]
fn a_named_follower_is_asked_until_its_lease_ends() {
    let leader = Replica::default();
    assert_eq!(leader.lane(lane(1)), lane(1));
    assert!(lane(1).offers_rack());
    let follower = after(leader, ReplicaEvent::Named(lane(2)), 10);
    assert_eq!(follower.lane(lane(1)), lane(2));
    assert_eq!(follower.follower(), Some(BrokerId(2)));
    assert_eq!(after(follower, ReplicaEvent::Passed, 309), follower);
    assert_eq!(after(follower, ReplicaEvent::Passed, 310), leader);
}

#[test]
fn after_a_failure_the_leader_is_asked_without_the_rack_and_longer_each_time() {
    let mut replica = Replica::default();
    let mut now = 0;
    for seconds in [5, 10, 20, 40, 80, 160, 160] {
        let follower = after(replica, ReplicaEvent::Named(lane(2)), now);
        assert!(follower.is_follower());
        let failed = after(follower, ReplicaEvent::Failed, now);
        assert_eq!(failed.lane(lane(1)), lane(1).without_rack());
        assert!(!failed.lane(lane(1)).offers_rack());
        // An answer to an earlier fetch may still name one.
        assert_eq!(after(failed, ReplicaEvent::Named(lane(2)), now), failed);
        now += seconds;
        assert_eq!(after(failed, ReplicaEvent::Passed, now - 1), failed);
        replica = after(failed, ReplicaEvent::Passed, now);
        assert_eq!(replica.lane(lane(1)), lane(1));
    }
    let follower = after(replica, ReplicaEvent::Named(lane(2)), now);
    let kept = after(follower, ReplicaEvent::Passed, now + 300);
    assert_eq!(kept, Replica::default(), "a whole lease settles it");
}

/// Every state that events lead to within a while, at some time each.
fn reachable() -> Vec<(Replica, u64)> {
    let mut found = vec![(Replica::default(), 0)];
    let mut seen = BTreeSet::new();
    let mut next = 0;
    while let Some((state, now)) = found.get(next).copied() {
        next += 1;
        for later in [0, 5, 300] {
            for event in EVENTS {
                let now = now + later;
                let reached = after(state, event(), now);
                if now < 2_000 && seen.insert(format!("{reached:?} {now}")) {
                    found.push((reached, now));
                }
            }
        }
    }
    found
}

const EVENTS: [fn() -> ReplicaEvent; 5] = [
    || ReplicaEvent::Named(lane(2)),
    || ReplicaEvent::Named(lane(3)),
    || ReplicaEvent::Failed,
    || ReplicaEvent::Passed,
    || ReplicaEvent::Left,
];

#[test]
fn in_every_state_a_follower_is_left_when_it_fails_and_only_the_leader_names_one() {
    let states = reachable();
    assert!(states.len() > 100, "{}", states.len());
    for (state, now) in states {
        for event in EVENTS {
            let (event, next) = (event(), after(state, event(), now));
            let names = matches!(event, ReplicaEvent::Named(_));
            let asks = matches!(state, Replica::Leader { .. });
            // A follower is asked only because it was already, or because the leader was asked for one.
            if next.is_follower() && next != state {
                assert!(names && asks, "{state:?} {event:?}");
            }
            if matches!(event, ReplicaEvent::Failed | ReplicaEvent::Left) {
                assert!(!next.is_follower(), "{state:?} {event:?}");
            }
            if event == ReplicaEvent::Failed {
                assert!(!next.lane(lane(1)).offers_rack(), "{state:?}");
            }
        }
        // Whatever happened, the rack is offered again some time, and the leader is asked again.
        let passed = after(state, ReplicaEvent::Passed, now + 300);
        assert_eq!(passed.lane(lane(1)), lane(1), "{state:?}");
    }
}

#[test]
fn a_follower_lags_if_it_lacks_what_the_leader_had_long_before_its_answer() {
    let mut end = FollowerEnd::default();
    let mut look = |own: Option<i64>, leader: i64, seconds: u64, next: i64, heard: u64| {
        if let Some(own) = own {
            end.note(own);
        }
        end.lags((leader, at(seconds)), next, Some(at(heard)))
    };
    assert!(!look(None, 10, 4, 0, 4), "it has said nothing");
    assert!(!look(Some(9), 20, 8, 9, 5), "it answered just after");
    assert!(
        !look(Some(19), 30, 12, 15, 12),
        "not everything was fetched"
    );
    assert!(!look(Some(30), 40, 16, 30, 16), "it has everything");
    assert!(look(Some(39), 50, 20, 39, 20));
    assert!(look(Some(-1), 60, 24, 39, 24), "an error says nothing");
    assert!(!end.lags((70, at(28)), 39, None), "it was not asked");
}
