use std::sync::Arc;

use crate::checkpoint::{MemoryStore, Store};
use crate::model::{DataPath, HaltCode, LeaderEpoch, ProducerId, Reason, TopicId, sequence_of};
use crate::offsets::{Explanation, Lookup};
use crate::replicate::resync::decision::{
    adopt, follow_gap, follow_recreation, follow_target_truncation, follow_truncation,
    renew_producer, skip, translate_from,
};
use crate::replicate::resync::explain::{Tail, check_incarnation};
use crate::replicate::testing::{header, identity, tail, tracked};

use super::*;

/// A partition with source offsets 0..20 and 25..35 at target offsets 0..30; the last five aren't acknowledged.
struct Bench {
    store: Arc<dyn Store>,
    tracked: TrackedPartition,
}

const END: TargetOffset = TargetOffset(30);

fn found() -> Explanation {
    Explanation {
        runs: Vec::new(),
        position: SourceOffset(35),
    }
}

fn reason(code: HaltCode) -> Reason {
    Reason::new(code, "it happened")
}

impl Bench {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let tracked = tracked(Arc::clone(&store));
        {
            let mut known = tracked.lock();
            known.begun = true;
            let first = Run::new(SourceOffset(0), TargetOffset(0), 20);
            let second = Run::new(SourceOffset(25), TargetOffset(20), 5);
            known.landed(&[first, second], SourceOffset(30)).unwrap();
            known.plan(&[Run::new(SourceOffset(90), END, 1)], true);
            for epoch in [0, 22] {
                known.note_epoch(
                    LeaderEpoch(i32::try_from(epoch).unwrap()),
                    SourceOffset(epoch),
                );
            }
        }
        Self { store, tracked }
    }

    /// Applies a decision, then reloads the state from the store.
    async fn decide(mut self, decision: &Decision) -> (Self, DecisionOutcome) {
        let mut update = Update::new();
        let (outcome, _) = self.tracked.decide(decision, &mut update).unwrap();
        let told = self.tracked.lock().record.clone();
        self.store.commit(update).await.unwrap();
        self.tracked = tracked(Arc::clone(&self.store));
        assert_eq!(self.tracked.lock().record, told);
        (self, outcome)
    }

    fn image(&self, source: i64) -> Lookup<TargetOffset> {
        let known = self.tracked.lock();
        let found = known
            .map
            .to_target(SourceOffset(source), &self.tracked.runs());
        found.unwrap()
    }

    /// Returns the run of the next record, the frontier and the incarnation.
    fn goes_on(&self) -> (Run, i64, u16) {
        let known = self.tracked.lock();
        assert_eq!(known.record.acked_end, known.end());
        assert!(known.record.plans.is_empty() && known.begun);
        let record = &known.record;
        let next = known.last_run().unwrap();
        (next, record.frontier.get(), record.incarnation)
    }
}

fn begins(source: i64, target: TargetOffset) -> Run {
    Run::new(SourceOffset(source), target, 0)
}

fn stretch(kind: StretchKind, from: i64, until: i64) -> Stretch {
    Stretch { kind, from, until }
}

#[tokio::test]
async fn a_gap_keeps_the_map_with_its_true_length() {
    let decision = follow_gap(reason(HaltCode::SourceGap), found(), SourceOffset(50), END);
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::Lost, 35, 50)]);
    assert_eq!(bench.goes_on(), (begins(50, END), 50, 0));
    assert_eq!(bench.image(34), Lookup::Exact(TargetOffset(29)));
    assert_eq!(bench.image(40), Lookup::BeyondMap { end: END });
    assert_eq!(bench.tracked.lock().record.epochs, [], "not known any more");
}

#[tokio::test]
async fn a_truncation_cuts_the_map_and_its_surplus_is_on_record() {
    let truncated = reason(HaltCode::SourceTruncated);
    let decision = follow_truncation(truncated, found(), SourceOffset(12), END);
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(
        outcome.stretches,
        [stretch(StretchKind::TargetOnly, 12, 30)]
    );
    assert_eq!(bench.goes_on(), (begins(12, END), 12, 1));
    assert_eq!(bench.image(11), Lookup::Exact(TargetOffset(11)));
    assert!(matches!(bench.image(12), Lookup::BeyondMap { .. }));
    let known = bench.tracked.lock();
    assert_eq!(known.record.epochs, [(LeaderEpoch(0), SourceOffset(0))]);
    assert_eq!(known.record.history.totals.target_only, 18);
}

#[tokio::test]
async fn a_truncation_of_everything_begins_with_nothing() {
    let truncated = reason(HaltCode::SourceTruncated);
    let decision = follow_truncation(truncated, found(), SourceOffset(0), END);
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::TargetOnly, 0, 30)]);
    assert_eq!(bench.goes_on(), (begins(0, END), 0, 1));
}

#[tokio::test]
async fn another_topic_begins_behind_the_former_one() {
    let id = TopicId(uuid::Uuid::from_u128(7));
    let recreated = reason(HaltCode::SourceRecreated);
    let decision = follow_recreation(recreated.clone(), id, SourceOffset(4), END);
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::Former, 0, 30)]);
    assert_eq!(bench.goes_on(), (begins(4, END), 4, 1));
    {
        let known = bench.tracked.lock();
        let record = &known.record;
        assert_eq!(
            (record.source_topic_id, record.origin),
            (id, SourceOffset(4))
        );
        assert!(record.epochs.is_empty() && record.history.map_since_ms > 0);
        // The former topic's last record may lie before a marker: that nothing is lost can't depend on its position.
        assert_eq!(known.mapped(), TargetOffset(0));
    }
    // Once more, with records of the second topic after those of the first.
    let second = Run::new(SourceOffset(4), END, 6);
    bench
        .tracked
        .lock()
        .landed(&[second], SourceOffset(10))
        .unwrap();
    let decision = follow_recreation(recreated, id, SourceOffset(0), TargetOffset(36));
    let (bench, outcome) = bench.decide(&decision).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::Former, 30, 36)]);
    assert_eq!(bench.goes_on(), (begins(0, TargetOffset(36)), 0, 2));
}

#[tokio::test]
async fn what_the_target_lost_is_next_again() {
    let lost = reason(HaltCode::TargetTruncated);
    let at =
        |kept, end| follow_target_truncation(lost.clone(), TargetOffset(kept), TargetOffset(end));
    let decision = at(22, 22);
    let (bench, _) = Bench::new().decide(&decision).await;
    // The log ends with a record of the map, which proves the rest.
    let left = Run::new(SourceOffset(25), TargetOffset(20), 2);
    assert_eq!(bench.goes_on(), (left, 27, 0));
    let (bench, _) = bench.decide(&at(0, 0)).await;
    assert_eq!(bench.goes_on(), (begins(0, TargetOffset(0)), 0, 0));
    // Records that are in the log but no longer visible are as lost as ones that are gone.
    let (bench, _) = Bench::new().decide(&at(22, 29)).await;
    assert_eq!(bench.goes_on(), (begins(27, TargetOffset(29)), 27, 0));
    assert_eq!(bench.image(26), Lookup::Exact(TargetOffset(21)));
}

#[tokio::test]
async fn adopted_records_lie_between_own_ones() {
    let foreign = vec![stretch(StretchKind::Adopted, 25, 27)];
    let landed = vec![Run::new(SourceOffset(30), TargetOffset(27), 3)];
    let written = reason(HaltCode::ForeignWrite);
    let decision = adopt(written, landed, foreign, SourceOffset(33), END);
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(outcome.source_offset, SourceOffset(33));
    assert_eq!(bench.goes_on(), (begins(33, END), 33, 1));
    assert_eq!(bench.image(29), Lookup::Exact(TargetOffset(24)));
    assert_eq!(bench.image(30), Lookup::Exact(TargetOffset(27)));
}

#[tokio::test]
async fn a_skipped_record_is_passed_and_the_anchor_goes_with_the_next_one() {
    let refused = reason(HaltCode::RecordRefused);
    let decision = skip(
        refused,
        SourceOffset(30)..SourceOffset(31),
        TargetOffset(25),
    );
    let (bench, outcome) = Bench::new().decide(&decision).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::Skipped, 30, 31)]);
    assert_eq!(bench.goes_on(), (begins(31, TargetOffset(25)), 31, 0));
    // The skipped record may be the first of an epoch.
    assert_eq!(bench.tracked.lock().record.epochs, []);
    let next = Run::new(SourceOffset(31), TargetOffset(25), 2);
    bench
        .tracked
        .lock()
        .landed(&[next], SourceOffset(33))
        .unwrap();
    assert_eq!(bench.goes_on(), (next, 33, 0));
    assert_eq!(
        bench.image(30),
        Lookup::InGap {
            next: TargetOffset(25)
        }
    );
}

#[tokio::test]
async fn what_could_not_be_stored_was_not_decided() {
    let bench = Bench::new();
    let before = {
        let mut update = Update::new();
        bench.tracked.save(&mut update);
        bench.store.commit(update).await.unwrap();
        bench.tracked.lock().record.clone()
    };
    let decision = follow_gap(reason(HaltCode::SourceGap), found(), SourceOffset(50), END);
    bench.tracked.decide(&decision, &mut Update::new()).unwrap();
    assert_ne!(bench.tracked.lock().record, before);
    bench.tracked.freshen().unwrap();
    assert_ne!(bench.tracked.lock().record, before);
    bench.tracked.lock().stale = true;
    bench.tracked.freshen().unwrap();
    assert_eq!(bench.tracked.lock().record, before);
    assert_eq!(bench.image(28), Lookup::Exact(TargetOffset(23)));
}

/// A partition in preserve mode with offsets 0..30.
fn preserved() -> Bench {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let tracked = tracked(Arc::clone(&store));
    {
        let mut known = tracked.lock();
        (known.begun, known.record.offsets) = (true, OffsetsMode::Preserve);
        known.record.fence_epoch = 7;
        let whole = Run::new(SourceOffset(0), TargetOffset(0), 30);
        known.landed(&[whole], SourceOffset(30)).unwrap();
    }
    Bench { store, tracked }
}

#[tokio::test]
async fn where_offsets_are_preserved_the_map_goes_on_through_what_is_given_up() {
    let whole = Run::new(SourceOffset(0), TargetOffset(0), 30);
    let found = Explanation {
        runs: Vec::new(),
        position: SourceOffset(30),
    };
    let gap = follow_gap(reason(HaltCode::SourceGap), found, SourceOffset(50), END);
    let (bench, outcome) = preserved().decide(&gap.in_place()).await;
    assert_eq!(outcome.stretches, [stretch(StretchKind::Lost, 30, 50)]);
    assert_eq!(bench.goes_on(), (whole, 30, 0));
    let skipped = skip(
        reason(HaltCode::RecordRefused),
        SourceOffset(50)..SourceOffset(51),
        END,
    );
    let (bench, _) = bench.decide(&skipped.in_place()).await;
    assert_eq!(bench.goes_on(), (whole, 30, 0));
    let known = bench.tracked.lock();
    assert_eq!(
        known.record.history.passed(SourceOffset(30)),
        SourceOffset(51)
    );
}

#[tokio::test]
async fn an_offset_map_begins_behind_offsets_that_were_preserved() {
    let impossible = reason(HaltCode::PreserveImpossible);
    let (bench, _) = preserved()
        .decide(&translate_from(impossible, SourceOffset(90), END))
        .await;
    assert_eq!(bench.goes_on(), (begins(90, END), 90, 1));
    assert_eq!(bench.image(29), Lookup::Exact(TargetOffset(29)));
    let known = bench.tracked.lock();
    let record = &known.record;
    assert_eq!(
        (record.offsets, record.fence_epoch),
        (OffsetsMode::Translate, 0)
    );
}

#[tokio::test]
async fn a_new_producer_goes_on_in_the_same_map() {
    let used_up = reason(HaltCode::PreserveImpossible);
    let (bench, _) = preserved().decide(&renew_producer(used_up, END)).await;
    let whole = Run::new(SourceOffset(0), TargetOffset(0), 30);
    assert_eq!(bench.goes_on(), (whole, 30, 1));
    assert_eq!(bench.tracked.lock().record.fence_epoch, 0);
}

/// A log that was acknowledged up to `end` and has five more records.
fn grown_by(producer_id: ProducerId, end: TargetOffset) -> Tail {
    let last = header(end.get(), 5, producer_id, sequence_of(end));
    tail(end.get() + 5, Some(last))
}

#[tokio::test]
async fn each_of_300_owners_of_a_partition_is_told_from_the_others() {
    let identity = identity();
    let mut bench = Bench::new();
    let mut ids = vec![identity.producer_id(0)];
    for owner in 1..=300 {
        let foreign = reason(HaltCode::ForeignWrite);
        let end = END.plus(i64::from(owner));
        let decision = adopt(foreign, Vec::new(), Vec::new(), SourceOffset(35), end);
        (bench, _) = bench.decide(&decision).await;
        assert_eq!(bench.goes_on(), (begins(35, end), 35, owner));
        ids.push(identity.producer_id(owner));
        let judge = |id| check_incarnation(&identity, &grown_by(id, end), Some(end), owner);
        let code = |id| judge(id).err().map(|reason| reason.code);
        for (before, id) in (0..).zip(&ids[..ids.len() - 1]) {
            assert_eq!(
                code(*id),
                Some(HaltCode::ForeignWrite),
                "{before} to {owner}"
            );
        }
        assert_eq!(code(identity.producer_id(owner)), None);
        let later = identity.producer_id(owner + 1);
        assert_eq!(code(later), Some(HaltCode::MapUnknown));
    }
    assert!(ids.iter().all(|id| identity.owns(*id)));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 301);
}

#[test]
fn the_last_owner_is_followed_by_none() {
    let foreign = reason(HaltCode::ForeignWrite);
    let decision = adopt(foreign, Vec::new(), Vec::new(), SourceOffset(35), END);
    assert_eq!(decision.beyond(u16::MAX - 1), None);
    let halted = decision.beyond(u16::MAX).unwrap();
    assert_eq!(halted.code, HaltCode::ForeignWrite);
    assert!(
        halted
            .message
            .starts_with("it happened; the policy adopt can't be followed")
    );
    assert!(halted.remedy.contains("reseed"));
    let gap = follow_gap(reason(HaltCode::SourceGap), found(), SourceOffset(50), END);
    assert_eq!(gap.beyond(u16::MAX), None, "needs no new owner");

    let bench = Bench::new();
    let mut known = bench.tracked.lock();
    (known.record.incarnation, known.record.path) = (u16::MAX, DataPath::Record);
    assert_eq!(known.bars(DataPath::Record), None);
    assert_eq!(
        known.bars(DataPath::Raw).unwrap().code,
        HaltCode::MapUnknown
    );
    known.record.incarnation -= 1;
    assert_eq!(known.bars(DataPath::Raw), None);
}
