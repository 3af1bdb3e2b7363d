use crate::kafka::batch::Attributes;
use crate::model::{ProducerId, SourceOffset};
use crate::replicate::testing::{header, identity, run};

use super::*;

/// A log whose last batch of three records ends at `data_end`.
fn tail(data_end: i64, end: i64, writer: ProducerId) -> Tail {
    let mut last = header(data_end - 3, 3, writer, 0);
    last.attributes = Attributes(1 << 4);
    Tail {
        end: TargetOffset(end),
        log_start: TargetOffset(0),
        last: Some(last),
        data_end: TargetOffset(data_end),
    }
}

const BROKERS: ProducerId = ProducerId(4_000);

fn code(
    tail: &Tail,
    acknowledged: Option<i64>,
    mapped: i64,
    found: &[Explanation],
) -> Option<HaltCode> {
    let expected = Expected {
        acknowledged: acknowledged.map(TargetOffset),
        mapped: TargetOffset(mapped),
        explanations: found,
    };
    check(&identity(), tail, &expected)
        .err()
        .map(|reason| reason.code)
}

#[test]
fn a_transaction_landed_whole_or_not_at_all() {
    let anchor = run(100, 11, 0);
    let plans = [vec![run(100, 11, 3), run(110, 14, 2)]];
    let landed = explanations(Some(anchor), &plans, TargetOffset(16));
    let position = SourceOffset(112);
    assert_eq!(
        landed,
        [Explanation {
            runs: plans[0].clone(),
            position
        }]
    );
    let not = explanations(Some(anchor), &plans, TargetOffset(10));
    let position = SourceOffset(100);
    assert_eq!(
        not,
        [Explanation {
            runs: vec![],
            position
        }]
    );
    // A part of the transaction doesn't count as the transaction.
    assert_eq!(explanations(Some(anchor), &plans, TargetOffset(14)), []);
    assert_eq!(explanations(None, &[], TargetOffset(3)), []);
}

#[test]
fn what_lies_beyond_what_is_known_has_to_be_explained() {
    let position = SourceOffset(9);
    let found = [Explanation {
        runs: vec![],
        position,
    }];
    // Markers and aborted records alone.
    assert_eq!(code(&tail(10, 40, BROKERS), Some(11), 10, &[]), None);
    assert_eq!(code(&tail(13, 14, BROKERS), Some(11), 10, &found), None);
    let foreign = code(&tail(13, 14, BROKERS), Some(11), 10, &[]);
    assert_eq!(foreign, Some(HaltCode::ForeignWrite));
    // Acknowledged records are gone, even where markers follow.
    let lost = Some(HaltCode::TargetTruncated);
    assert_eq!(code(&tail(10, 10, BROKERS), Some(11), 10, &found), lost);
    assert_eq!(code(&tail(8, 14, BROKERS), Some(11), 10, &found), lost);
    // Without a checkpoint only the raw path's own batches show whose they are.
    let unknown = Some(HaltCode::MapUnknown);
    assert_eq!(code(&tail(13, 14, BROKERS), None, 0, &[]), unknown);
    let own = identity().producer_id(0);
    assert_eq!(code(&tail(13, 13, own), None, 0, &[]), None);
}

#[test]
fn the_first_transaction_of_all_is_known_by_its_plan() {
    let plans = [vec![run(5, 0, 3)]];
    let found = explanations(None, &plans, TargetOffset(3));
    assert_eq!(code(&tail(3, 4, BROKERS), None, 0, &found), None);
    let other = explanations(None, &plans, TargetOffset(4));
    let unknown = Some(HaltCode::MapUnknown);
    assert_eq!(code(&tail(4, 5, BROKERS), None, 0, &other), unknown);
}

#[test]
fn a_first_transaction_that_was_given_up_is_not_taken_for_landed() {
    // The marker of the abort takes the place of the one record that was planned.
    let (plans, end) = ([vec![run(5, 0, 1)]], TargetOffset(1));
    let data_end = empty_data_end(None, end);
    assert_eq!(explanations(None, &plans, data_end), []);
    // Records that were acknowledged but are gone did exist.
    let known = [11, 12].map(|end| empty_data_end(Some(TargetOffset(11)), TargetOffset(end)));
    assert_eq!(known, [TargetOffset(11); 2]);
    assert_eq!(
        empty_data_end(Some(TargetOffset(11)), TargetOffset(9)),
        TargetOffset(9)
    );
}

#[test]
fn a_log_without_records_left_ends_where_it_is_known_to() {
    let emptied = |log_start: i64, end: i64| Tail {
        end: TargetOffset(end),
        log_start: TargetOffset(log_start),
        last: None,
        data_end: TargetOffset(end),
    };
    assert_eq!(code(&emptied(11, 11), Some(11), 10, &[]), None);
    assert_eq!(code(&emptied(9, 30), Some(11), 10, &[]), None);
    let unknown = Some(HaltCode::MapUnknown);
    assert_eq!(code(&emptied(20, 30), Some(11), 10, &[]), unknown);
}

#[test]
fn nothing_is_adopted_while_a_transaction_may_lie_among_it() {
    let planned = Run::new(SourceOffset(9), TargetOffset(11), 3);
    assert!(may_adopt(&[]) && may_adopt(&[vec![]]));
    assert!(!may_adopt(&[vec![], vec![planned]]));
}
