//! Compacted topics: what the log cleaner may remove on either side is no difference, and what it may not remove is one.

use super::*;

/// Removes what a cleaner may remove from a log: records superseded by a later one with the same key, tombstones, and
/// records without a key; `choices` selects which of them. Tombstones go after a day, so only long after they were mirrored.
fn compacted(log: &[Record], choices: &[bool], mirrored: usize) -> Vec<Record> {
    let mut choices = choices.iter().cycle();
    let mut kept = Vec::new();
    for (place, record) in log.iter().enumerate() {
        let replaced = log[place + 1..].iter().any(|later| later.key == record.key);
        // A tombstone goes only after what it deletes.
        let deletes = kept
            .iter()
            .any(|earlier: &Record| earlier.key == record.key);
        let may_go = record.key.is_none()
            || replaced
            || (record.value.is_none() && !deletes && place < mirrored);
        if !(may_go && *choices.next().unwrap()) {
            kept.push(record.clone());
        }
    }
    kept
}

/// The parts of a side inside and after the range.
fn split(log: Vec<Record>, until: i64) -> (Vec<Record>, Vec<Record>) {
    log.into_iter().partition(|record| record.offset < until)
}

/// Compares the sides up to `until`, reads on past it as far as needed, and returns what stays unexplained.
fn unexplained(sides: [Vec<Record>; 2], until: i64, shapes: &Shapes) -> (Tally, Vec<Waiting>) {
    let [(source, source_tail), (target, target_tail)] = sides.map(|side| split(side, until));
    let identity = |offset| RecordOrigin::At(SourceOffset(offset));
    let mut compared = compare(
        portions(&source, shapes, true),
        portions(&target, shapes, true),
        identity,
    );
    for tail in [source_tail, target_tail] {
        for digest in portions(&tail, shapes, true).iter().flatten() {
            compared.hear(digest);
        }
    }
    let waiting = compared.unexplained();
    (compared.tally, waiting)
}

proptest! {
    #[test]
    fn compacted_sides_never_differ(
        log in logs(), shapes in shapes(),
        on_source in vec(any::<bool>(), 1..20), on_target in vec(any::<bool>(), 1..20),
        mirrored in any::<prop::sample::Index>(), until in any::<prop::sample::Index>(),
    ) {
        let mirrored = mirrored.index(log.len() + 1);
        let until = log.get(until.index(mirrored + 1)).map_or(i64::MAX, |it| it.offset);
        let until = log.get(mirrored).map_or(until, |end| until.min(end.offset));
        // Replication keeps what the source had at the time, so the target's cleaner sees only that.
        let source = compacted(&log, &on_source, mirrored);
        let target = compacted(&log[..mirrored], &on_target, mirrored);
        let (tally, waiting) = unexplained([source, target], until, &shapes);
        prop_assert_eq!(tally.differences, 0);
        prop_assert_eq!(waiting, Vec::new());
        prop_assert_eq!(tally.source_hash, tally.target_hash);
    }

    #[test]
    fn a_lost_newest_record_is_found(
        log in logs(), shapes in shapes(),
        on_source in vec(any::<bool>(), 1..20), on_target in vec(any::<bool>(), 1..20),
        lost in any::<prop::sample::Index>(), on_either in any::<bool>(),
    ) {
        let newest: Vec<&Record> = log.iter().enumerate().filter_map(|(place, record)| {
            let replaced = log[place + 1..].iter().any(|later| later.key == record.key);
            (!replaced && record.key.is_some() && record.value.is_some()).then_some(record)
        }).collect();
        prop_assume!(!newest.is_empty());
        let lost = newest[lost.index(newest.len())].clone();
        let mut sides = [&on_source, &on_target].map(|choices| compacted(&log, choices, log.len()));
        sides[usize::from(on_either)].retain(|record| *record != lost);
        let (tally, waiting) = unexplained(sides, i64::MAX, &shapes);
        let found: Vec<i64> = waiting.iter().map(|it| it.offset).collect();
        prop_assert_eq!(found, vec![lost.offset]);
        prop_assert_eq!(tally.differences, 0);
        let kind = if on_either { DifferenceKind::Missing } else { DifferenceKind::Surplus };
        prop_assert_eq!(waiting[0].kind, kind);
    }

    #[test]
    fn a_changed_record_of_a_compacted_topic_is_found(
        log in logs(), shapes in shapes(), at in any::<prop::sample::Index>(),
    ) {
        let mut target = log.clone();
        let at = at.index(target.len());
        target[at].timestamp += 1;
        let offset = SourceOffset(target[at].offset);
        let (tally, _) = unexplained([log, target], i64::MAX, &shapes);
        prop_assert_eq!(tally.differences, 1);
        let first = tally.first_difference.unwrap();
        prop_assert_eq!((first.kind, first.source_offset), (DifferenceKind::Content, offset));
    }
}

#[test]
fn what_finds_no_room_to_wait_is_unproven() {
    let mut comparison = Comparison::default();
    let item = |number: usize| {
        let offset = i64::try_from(number).unwrap();
        let key = Key::Of {
            hash: number as u128,
            tombstone: false,
        };
        let digest = Digest {
            offset,
            timestamp: 0,
            content: 0,
            key,
        };
        let place = RecordOrigin::At(SourceOffset(offset));
        Item { place, digest }
    };
    let over = || Feed {
        items: VecDeque::new(),
        over: true,
    };
    let count = crate::verify::pending::LIMIT + 3;
    let mut source = Feed {
        items: (0..count).map(item).collect(),
        over: true,
    };
    comparison.advance(&mut source, &mut over());
    assert_eq!(comparison.tally.unproven, 3);
    assert_eq!(comparison.unexplained().len(), count - 3);
}
