use std::time::Duration;

use tokio::time::Instant;

use super::{CALM, CAUSES_LIMIT, GATHERING, Line, Troubles};
use crate::model::{HaltCode, TopicName, TopicPartition};
use crate::replicate::partition::phase::TransientFailure;

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(TopicName::from("orders"), number)
}

fn cause(text: &str) -> TransientFailure {
    TransientFailure {
        text: text.to_owned(),
        is_connection: false,
    }
}

fn connection(text: &str) -> TransientFailure {
    TransientFailure {
        is_connection: true,
        ..cause(text)
    }
}

fn retry(partitions: usize, example: i32, error: &str) -> Line {
    Line::Retry {
        partitions,
        example: partition(example),
        error: error.to_owned(),
    }
}

#[test]
fn a_cause_is_told_once_with_the_number_of_its_partitions() {
    let (mut troubles, start) = (Troubles::default(), Instant::now());
    let mut told = Vec::new();
    // A minute of retries, each partition every 100 ms, as an outage has them.
    for tick in 0..600 {
        let now = start + Duration::from_millis(100) * tick;
        for number in 0..602 {
            troubles.failed(&partition(number), &cause("lost"), now);
        }
        told.extend(troubles.due(now));
    }
    assert_eq!(told, [retry(602, 0, "lost")]);
    let until = start + Duration::from_mins(1);
    for number in 0..602 {
        troubles.settled(&partition(number), until);
    }
    assert!(troubles.due(until).is_empty());
    let over = Line::Over {
        partitions: 602,
        took: Duration::from_mins(1),
    };
    assert_eq!(troubles.due(until + CALM), [over]);
    assert!(troubles.due(until + 2 * CALM).is_empty());
}

#[test]
fn no_cause_hides_another() {
    let (mut troubles, start) = (Troubles::default(), Instant::now());
    troubles.failed(&partition(0), &cause("lost"), start);
    assert_eq!(troubles.due(start + GATHERING), [retry(1, 0, "lost")]);
    troubles.failed(&partition(1), &cause("full"), start + GATHERING);
    // A cause that has passed is told all the same.
    troubles.failed(&partition(1), &cause("slow"), start + GATHERING);
    let told = troubles.due(start + 2 * GATHERING);
    assert_eq!(told, [retry(1, 1, "full"), retry(1, 1, "slow")]);
}

#[test]
fn a_broken_connection_is_one_cause_with_what_keeps_it_from_coming_back() {
    let (mut troubles, start) = (Troubles::default(), Instant::now());
    for number in 0..3 {
        troubles.failed(&partition(number), &connection("closed"), start);
        troubles.failed(&partition(number), &connection("refused"), start);
    }
    assert_eq!(troubles.due(start + GATHERING), [retry(3, 0, "refused")]);
    // One that passed at once is told: it is all there was.
    let mut troubles = Troubles::default();
    troubles.failed(&partition(0), &connection("closed"), start);
    troubles.settled(&partition(0), start);
    assert_eq!(troubles.due(start + GATHERING), [retry(1, 0, "closed")]);
}

#[test]
fn partitions_that_fail_again_and_again_are_told_of_once() {
    let (mut troubles, start) = (Troubles::default(), Instant::now());
    let mut told = Vec::new();
    for second in 0..600 {
        let now = start + Duration::from_secs(second);
        troubles.failed(&partition(0), &cause("refused"), now);
        troubles.settled(&partition(0), now);
        told.extend(troubles.due(now));
    }
    assert_eq!(told, [retry(1, 0, "refused")]);
}

#[test]
fn causes_that_differ_each_time_are_limited() {
    let (mut troubles, start) = (Troubles::default(), Instant::now());
    for number in 0..1_000 {
        troubles.failed(&partition(number), &cause(&number.to_string()), start);
    }
    let told = troubles.due(start + GATHERING);
    assert_eq!(told.len(), CAUSES_LIMIT);
    let counted = |line: &Line| match line {
        Line::Retry { partitions, .. } => *partitions,
        Line::Over { .. } | Line::Halted { .. } => 0,
    };
    assert_eq!(told.iter().map(counted).sum::<usize>(), 1_000);
    for number in 0..1_000 {
        troubles.settled(&partition(number), start);
    }
    assert_eq!(troubles.due(start + CALM).len(), 1);
}

#[test]
fn further_partitions_of_a_topic_that_halt_with_one_code_are_counted() {
    let (mut troubles, now) = (Troubles::default(), Instant::now());
    let code = HaltCode::NotPermitted;
    let first: Vec<bool> = (0..40)
        .map(|number| troubles.halted(&partition(number), code, now))
        .collect();
    assert_eq!(first.iter().filter(|it| **it).count(), 1);
    assert!(troubles.halted(&partition(0), HaltCode::ForeignWrite, now));
    let more = Line::Halted {
        topic: partition(0).topic,
        code,
        more: 39,
    };
    assert_eq!(troubles.due(now + GATHERING), [more]);
    assert!(troubles.halted(&partition(0), code, now + GATHERING));
}
