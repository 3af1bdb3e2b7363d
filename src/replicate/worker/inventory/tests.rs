use tokio::sync::oneshot;

use crate::checkpoint::MemoryStore;
use crate::kafka::client::testing::FakeNet;
use crate::model::{HaltCode, Policy};
use crate::replicate::testing::{LANES, flowing, link, source_batch};

use super::*;

fn inventory(only_there: u64, of_others: u64) -> Inventory {
    let held = Holdings {
        records: 20,
        only_there,
        of_others,
        at_most: false,
    };
    Inventory::of(vec![PartitionHoldings {
        partition: Partition(0),
        log_start: 0,
        end: 20,
        held,
    }])
}

fn flowing_worker() -> Worker {
    let net = FakeNet::default();
    let cluster = || net.cluster(&["a:1"]);
    let store = Arc::new(MemoryStore::default());
    flowing(link(store, cluster(), cluster()), &[LANES])
}

/// Weighs a reseed that may discard this many records; returns why it is refused, if it is.
fn weighed(discard: Option<u64>, counted: Result<Inventory>) -> Option<ResolveRefused> {
    let mut worker = flowing_worker();
    let (done, mut decided) = oneshot::channel();
    let release = ResolveRequest {
        partition: TopicPartition::new("t", 0),
        reason: Reason::new(HaltCode::MissedDeletions, "may be missing"),
        policy: Policy::Reseed,
        discard,
        done,
    };
    worker.weighed(release, counted);
    let is_granted = worker.mirrors[0].grant.is_some();
    let refused = decided.try_recv().ok().map(|it| it.unwrap_err());
    assert_eq!(is_granted, refused.is_none());
    refused
}

#[tokio::test]
async fn a_reseed_is_carried_out_only_if_its_number_is_the_one_just_counted() {
    for (discard, only_there, is_refused) in [
        (None, 0, false),
        (Some(0), 0, false),
        (Some(3), 3, false),
        (None, 3, true),
        (Some(2), 3, true),
        (Some(4), 3, true),
        (Some(3), 0, true),
    ] {
        match weighed(discard, Ok(inventory(only_there, 1.min(only_there)))) {
            None => assert!(!is_refused, "{discard:?} of {only_there}"),
            Some(ResolveRefused::Discards(held)) => {
                assert!(is_refused, "{discard:?} of {only_there}");
                assert_eq!(held.only_there, only_there);
            }
            other => panic!("{other:?}"),
        }
    }
    let silent = Error::new(Kind::TimedOut, "nobody answers");
    let refused = weighed(Some(3), Err(silent));
    assert!(matches!(refused, Some(ResolveRefused::Uncounted(_))));
}

#[test]
fn a_decision_tells_what_it_discards_and_a_policy_spares_what_others_wrote() {
    let message = "the source topic was created again";
    assert_eq!(discarding(message, &inventory(0, 0).total), message);
    assert_eq!(
        discarding(message, &inventory(7, 0).total),
        "the source topic was created again; reseeding it discards 7 records that exist only there"
    );
    let reason = Reason::new(HaltCode::SourceRecreated, message);
    let halted = beyond_policy(&reason, &inventory(7, 2).total);
    assert_eq!(halted.code, HaltCode::SourceRecreated);
    assert!(halted.message.ends_with(
        "the policy reseed doesn't discard 7 records that exist only there, 2 of them written by others"
    ));
    assert!(halted.remedy.contains("--discard 7"), "{}", halted.remedy);
}

#[test]
fn records_of_a_batch_are_counted_from_an_offset_on() {
    let batch = source_batch(6);
    for (from, count) in [(0, 3), (6, 3), (7, 2), (8, 1)] {
        assert_eq!(records_from(&batch, from), count, "{from}");
    }
}
