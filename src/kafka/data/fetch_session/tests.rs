//! An in-memory broker that keeps sessions by Kafka's rules (`FetchSession.scala`), and everything that can go wrong
//! between it and a session.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use crate::model::{LeaderEpoch, SourceOffset, TopicId, TopicPartition};

use super::*;

const NOT_FOUND: BrokerCode = BrokerCode(70);
const WRONG_EPOCH: BrokerCode = BrokerCode(71);
const WRONG_NAMING: BrokerCode = BrokerCode(106);

/// One session on the broker.
#[derive(Debug)]
struct Kept {
    epoch: i32,
    by_id: bool,
    partitions: BTreeMap<TopicPartition, FetchPartition>,
}

#[derive(Debug, Default)]
struct Broker {
    sessions: BTreeMap<i32, Kept>,
    last_id: i32,
    is_full: bool,
}

impl Broker {
    /// Returns what it fetches for a request and the session it keeps, or why it refuses.
    fn take(&mut self, ask: &Ask) -> Result<(i32, BTreeSet<FetchPartition>), BrokerCode> {
        if ask.epoch == 0 {
            self.sessions.remove(&ask.id);
            let partitions = ask
                .wanted
                .iter()
                .map(|it| (it.partition.clone(), it.clone()));
            let kept = Kept {
                epoch: 1,
                by_id: ask.by_id,
                partitions: partitions.collect(),
            };
            let fetched = kept.partitions.values().cloned().collect();
            if self.is_full || ask.wanted.is_empty() {
                return Ok((0, fetched));
            }
            self.last_id += 1;
            self.sessions.insert(self.last_id, kept);
            return Ok((self.last_id, fetched));
        }
        let kept = self.sessions.get_mut(&ask.id).ok_or(NOT_FOUND)?;
        if kept.by_id != ask.by_id {
            return Err(WRONG_NAMING);
        }
        if kept.epoch != ask.epoch {
            return Err(WRONG_EPOCH);
        }
        kept.epoch = kept.epoch.checked_add(1).unwrap_or(1);
        for wanted in &ask.wanted {
            kept.partitions
                .insert(wanted.partition.clone(), wanted.clone());
        }
        for forgotten in &ask.forgotten {
            kept.partitions.remove(&forgotten.partition);
        }
        Ok((ask.id, kept.partitions.values().cloned().collect()))
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Want {
        place: usize,
        round: u32,
        offset: i64,
        has_id: bool,
    },
    Leave {
        place: usize,
    },
    Answered,
    /// The broker received the request, but its response was lost.
    AnswerLost,
    RequestLost,
    Evicted,
    /// The broker's epoch differs from ours.
    Confused,
    Full(bool),
}

fn steps() -> impl Strategy<Value = Step> {
    let place = 0..4_usize;
    prop_oneof![
        6 => (place.clone(), 0..2_u32, 0..3_i64, prop::bool::weighted(0.9))
            .prop_map(|(place, round, offset, has_id)| Step::Want { place, round, offset, has_id }),
        2 => place.prop_map(|place| Step::Leave { place }),
        8 => Just(Step::Answered),
        1 => Just(Step::AnswerLost),
        1 => Just(Step::RequestLost),
        1 => Just(Step::Evicted),
        1 => Just(Step::Confused),
        1 => any::<bool>().prop_map(Step::Full),
    ]
}

fn partition(place: usize, offset: i64, has_id: bool) -> FetchPartition {
    let id = if has_id {
        Uuid::from_u128(place as u128 + 1)
    } else {
        Uuid::nil()
    };
    FetchPartition {
        partition: TopicPartition::new("t", i32::try_from(place).unwrap()),
        topic_id: TopicId(id),
        offset: SourceOffset(offset),
        max_bytes: 1,
        leader_epoch: LeaderEpoch(1),
        fetched_epoch: LeaderEpoch(1),
    }
}

#[derive(Debug)]
struct Pair {
    session: Session,
    broker: Broker,
    wanted: BTreeMap<usize, (u32, FetchPartition)>,
    /// The round in which each partition was last sent to the broker.
    told: BTreeMap<usize, u32>,
}

impl Pair {
    fn new() -> Self {
        Self {
            session: Session::new(),
            broker: Broker::default(),
            wanted: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn change(&mut self, change: FetchChange) {
        match &change {
            FetchChange::Want((place, round), it) => {
                self.wanted.insert(*place, (*round, it.clone()));
            }
            FetchChange::Leave(place) => {
                self.wanted.remove(place);
            }
        }
        self.session.change(change);
    }

    /// Exchanges one request and its response. Returns whether the broker accepted it and nothing is left for the next
    /// one.
    fn exchange(&mut self) -> bool {
        let ask = self.session.ask();
        let unfinished = ask.unfinished;
        match self.broker.take(&ask) {
            Ok((id, fetched)) => {
                self.session.answered(id);
                self.note_told(&ask);
                let wanted = self.wanted.values().map(|(_, it)| it.clone());
                let wanted: BTreeSet<_> = wanted.collect();
                if unfinished {
                    assert!(fetched.is_subset(&wanted), "{fetched:?} beyond {wanted:?}");
                } else {
                    assert_eq!(fetched, wanted);
                    self.check_tickets(&ask);
                }
                !unfinished
            }
            Err(code) => {
                assert!(
                    self.session.refused(code),
                    "{code:?} concerns only the session"
                );
                false
            }
        }
    }

    fn note_told(&mut self, ask: &Ask) {
        for told in &ask.wanted {
            let place = usize::try_from(told.partition.partition.0).unwrap();
            self.told.insert(place, self.wanted[&place].0);
        }
        self.told.retain(|place, _| self.wanted.contains_key(place));
    }

    /// Checks that every partition is found under its round, and was sent to the broker in it.
    fn check_tickets(&self, ask: &Ask) {
        for (place, (round, it)) in &self.wanted {
            let number = it.partition.partition.0;
            let by_name = self.session.ticket("t", Uuid::nil(), number);
            assert_eq!(by_name, Some((*place, *round)));
            if ask.by_id {
                let by_id = self.session.ticket("", it.topic_id.0, number);
                assert_eq!(by_id, Some((*place, *round)));
            }
        }
        let rounds = self
            .wanted
            .iter()
            .map(|(place, (round, _))| (*place, *round));
        assert_eq!(self.told, rounds.collect(), "told anew in each round");
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Want {
                place,
                round,
                offset,
                has_id,
            } => {
                self.change(FetchChange::Want(
                    (place, round),
                    partition(place, offset, has_id),
                ));
            }
            Step::Leave { place } => self.change(FetchChange::Leave(place)),
            Step::Answered => {
                self.exchange();
            }
            Step::AnswerLost => {
                let ask = self.session.ask();
                let _ = self.broker.take(&ask);
                self.session.lost();
            }
            // Nothing reports this: the next request finds out.
            Step::RequestLost => drop(self.session.ask()),
            Step::Evicted => self.broker.sessions.clear(),
            Step::Confused => {
                for kept in self.broker.sessions.values_mut() {
                    kept.epoch += 1;
                }
            }
            Step::Full(is_full) => self.broker.is_full = is_full,
        }
    }
}

proptest! {
    #[test]
    fn the_broker_fetches_what_is_wanted_whatever_happened(steps in prop::collection::vec(steps(), 0..40)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.run(step);
        }
        // At most: one refused, a full one, and one for a partition that had to be forgotten first.
        prop_assert!((0..3).any(|_| pair.exchange()));
    }
}

fn want(session: &mut Session, place: usize, offset: i64) {
    session.change(FetchChange::Want(
        (place, 1),
        partition(place, offset, true),
    ));
}

#[test]
fn nothing_is_said_of_what_stays() {
    let mut session = Session::new();
    for place in 0..1000 {
        want(&mut session, place, 0);
    }
    assert_eq!(session.ask().wanted.len(), 1000);
    session.answered(7);
    want(&mut session, 3, 5);
    want(&mut session, 4, 0);
    session.change(FetchChange::Leave(9));
    let ask = session.ask();
    assert_eq!((ask.id, ask.epoch), (7, 1));
    assert_eq!(ask.wanted, [partition(3, 5, true)]);
    assert_eq!(ask.forgotten, [partition(9, 0, true)]);
    session.answered(7);
    let ask = session.ask();
    assert_eq!((ask.id, ask.epoch), (7, 2));
    assert_eq!((ask.wanted, ask.forgotten), (Vec::new(), Vec::new()));
}

#[test]
fn without_a_session_each_partition_is_first_in_turn() {
    let mut session = Session::new();
    for place in 0..3 {
        want(&mut session, place, 0);
    }
    let mut first = || {
        let ask = session.ask();
        session.answered(0);
        assert_eq!((ask.id, ask.epoch, ask.wanted.len()), (0, 0, 3));
        ask.wanted[0].partition.partition.0
    };
    assert_eq!([first(), first(), first(), first()], [0, 1, 2, 0]);
}

#[test]
fn a_session_that_went_wrong_is_ended_by_its_successor() {
    for (code, former) in [(NOT_FOUND, 0), (WRONG_EPOCH, 7), (WRONG_NAMING, 7)] {
        let mut session = Session::new();
        want(&mut session, 0, 0);
        session.ask();
        session.answered(7);
        session.ask();
        assert!(session.refused(code));
        let ask = session.ask();
        assert_eq!((ask.id, ask.epoch, ask.wanted.len()), (former, 0, 1));
    }
    let mut session = Session::new();
    session.ask();
    assert!(
        !session.refused(BrokerCode(29)),
        "not a matter of the session"
    );
}

#[test]
fn epochs_begin_again_behind_the_last_one() {
    let open = Stage::Updating {
        id: 7,
        epoch: i32::MAX,
    };
    let next = open.step(Event::Answered { id: 7 });
    assert_eq!(next, Stage::Open { id: 7, epoch: 1 });
}
