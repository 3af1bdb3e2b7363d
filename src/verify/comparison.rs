//! Compares two streams of records by source offset.
//!
//! Pure. Promises: the result doesn't depend on how the streams are cut into portions; every record that is different,
//! missing or surplus is found, the first one with its place; whatever compaction may remove on either side is no
//! difference.
//! Doesn't: read, or decide what has an image.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::digest::{Digest, Item, Key, RecordOrigin};
use super::pending::{PendingRecords, Waiting};
use super::tally::{Difference, DifferenceKind, Tally};
use crate::model::{SourceOffset, TargetOffset};

/// Records read from one side and not compared yet.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// In log order.
    pub(crate) items: VecDeque<Item>,
    /// Whether nothing follows.
    pub(crate) over: bool,
}

impl Feed {
    fn next_at(&self) -> Option<SourceOffset> {
        match self.items.front()?.place {
            RecordOrigin::At(at) | RecordOrigin::Whole { at, .. } => Some(at),
            RecordOrigin::LeftOut
            | RecordOrigin::Forgotten
            | RecordOrigin::Stray
            | RecordOrigin::Unreadable(_) => None,
        }
    }
}

/// The rules of a comparison.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    /// Source records below this offset that the target lacks may have been left out for a reason since forgotten.
    pub(crate) doubt_below: i64,
    /// The content hash of the records that fill offsets on the target where offsets are preserved.
    pub(crate) filler: Option<u128>,
}

/// A comparison in progress.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) rules: Rules,
    pub(crate) tally: Tally,
    pending: PendingRecords,
    /// The source offset after the last one compared.
    reached: i64,
    /// The source offset up to which the records of one side are unknown: those of the other side there prove nothing.
    veiled: i64,
}

impl Comparison {
    /// Continues from earlier findings.
    pub(crate) fn new(rules: Rules, tally: Tally) -> Self {
        Self {
            rules,
            tally,
            ..Self::default()
        }
    }

    /// Compares as far as both feeds allow, and removes from them what was compared.
    pub(crate) fn advance(&mut self, source: &mut Feed, target: &mut Feed) {
        loop {
            let (on_source, on_target) = (source.next_at(), target.next_at());
            if on_source.is_none() && self.set_aside(source, true) {
                continue;
            }
            if on_target.is_none() && self.set_aside(target, false) {
                continue;
            }
            let order = match (on_source, on_target) {
                (Some(one), Some(other)) => one.cmp(&other),
                (Some(_), None) if target.over => Ordering::Less,
                (None, Some(_)) if source.over => Ordering::Greater,
                _ => return,
            };
            let at = on_source.min(on_target).or(on_source).or(on_target);
            self.reached = at.map_or(self.reached, |at| at.get() + 1);
            match order {
                _ if self.wholes(source, target, order) => {}
                Ordering::Equal => self.both(source, target),
                Ordering::Less => self.one_sided(source, DifferenceKind::Missing),
                Ordering::Greater => self.one_sided(target, DifferenceKind::Surplus),
            }
        }
    }

    /// Whether a record waits for a later one with its key.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes a record into account that lies past the range, on either side.
    pub(crate) fn hear(&mut self, digest: &Digest) {
        match digest.key {
            Key::Of { hash, .. } if self.pending.explain(hash) => self.tally.compacted += 1,
            // Where records wait, only a batch that wasn't decoded has no keys: it may explain any of them.
            Key::Irrelevant => {
                self.tally.unproven += u64::try_from(self.pending.take().len()).unwrap_or(u64::MAX);
            }
            Key::Of { .. } | Key::None => {}
        }
    }

    /// The records that no later one explains, in order; the caller decides about them.
    pub(crate) fn unexplained(&mut self) -> Vec<Waiting> {
        self.pending.take()
    }

    /// Counts a record that one side lacks as a difference.
    pub(crate) fn condemn(&mut self, waiting: Waiting) {
        let is_on_target = waiting.kind != DifferenceKind::Missing;
        self.tally.differ(Difference {
            kind: waiting.kind,
            source_offset: waiting.at,
            target_offset: is_on_target.then_some(TargetOffset(waiting.offset)),
        });
    }

    /// Removes the front of a feed if its place alone settles it.
    fn set_aside(&mut self, feed: &mut Feed, is_source: bool) -> bool {
        let Some(item) = feed.items.pop_front() else {
            return false;
        };
        let own = (!is_source).then_some(TargetOffset(item.digest.offset));
        let differ = |kind, source_offset| Difference {
            kind,
            source_offset,
            target_offset: own,
        };
        match item.place {
            RecordOrigin::At(_) | RecordOrigin::Whole { .. } => {
                feed.items.push_front(item);
                return false;
            }
            RecordOrigin::LeftOut => self.tally.left_out += 1,
            RecordOrigin::Forgotten => self.tally.unproven += 1,
            RecordOrigin::Stray => {
                let behind = SourceOffset((self.reached - 1).max(0));
                self.tally.differ(differ(DifferenceKind::Surplus, behind));
            }
            RecordOrigin::Unreadable(at) => {
                self.tally.differ(differ(DifferenceKind::Unreadable, at));
                return true;
            }
        }
        self.hear(&item.digest);
        true
    }

    /// Compares whole batches if the front that is next is one: equal ones are equal, others leave it open whether their
    /// records differ.
    fn wholes(&mut self, source: &mut Feed, target: &mut Feed, order: Ordering) -> bool {
        let whole = |feed: &Feed| {
            let item = *feed.items.front()?;
            match item.place {
                RecordOrigin::Whole { at, until } => Some((at, until, item.digest)),
                RecordOrigin::At(_)
                | RecordOrigin::LeftOut
                | RecordOrigin::Forgotten
                | RecordOrigin::Stray
                | RecordOrigin::Unreadable(_) => None,
            }
        };
        let ours = whole(target).filter(|_| order != Ordering::Less);
        let theirs = whole(source).filter(|_| order != Ordering::Greater);
        let (at, until) = match (&ours, &theirs) {
            (Some((_, one, _)), Some((at, other, _))) => (*at, *one.max(other)),
            (Some((at, until, _)), None) | (None, Some((at, until, _))) => (*at, *until),
            (None, None) => return false,
        };
        ours.and_then(|_| target.items.pop_front());
        theirs.and_then(|_| source.items.pop_front());
        for (_, _, digest) in ours.iter().chain(&theirs) {
            self.hear(digest);
        }
        let count = u64::try_from(until.since(at)).unwrap_or_default();
        match (ours, theirs) {
            (Some((_, one, ours)), Some((_, other, theirs)))
                if one == other
                    && (ours.timestamp, ours.content) == (theirs.timestamp, theirs.content) =>
            {
                self.tally.records += count;
                self.tally.source_hash.add(at, &theirs);
                self.tally.target_hash.add(at, &ours);
            }
            _ => {
                self.tally.unproven += count;
                self.veiled = self.veiled.max(until.get());
            }
        }
        self.reached = self.reached.max(until.get());
        true
    }

    fn both(&mut self, source: &mut Feed, target: &mut Feed) {
        let (Some(ours), Some(theirs)) = (target.items.pop_front(), source.items.pop_front())
        else {
            return;
        };
        let at = SourceOffset(theirs.digest.offset);
        let (ours, theirs) = (ours.digest, theirs.digest);
        self.tally.records += 1;
        self.tally.source_hash.add(at, &theirs);
        self.tally.target_hash.add(at, &ours);
        if (ours.timestamp, ours.content) != (theirs.timestamp, theirs.content) {
            self.tally.differ(Difference {
                kind: DifferenceKind::Content,
                source_offset: at,
                target_offset: Some(TargetOffset(ours.offset)),
            });
        }
        self.hear(&theirs);
        self.hear(&ours);
    }

    fn one_sided(&mut self, feed: &mut Feed, kind: DifferenceKind) {
        let Some(Item { place, digest }) = feed.items.pop_front() else {
            return;
        };
        let RecordOrigin::At(at) = place else { return };
        let waiting = Waiting {
            at,
            kind,
            offset: digest.offset,
        };
        self.hear(&digest);
        if at.get() < self.veiled {
            // Already counted with the batch that holds it, or doesn't.
            return;
        }
        let is_missing = kind == DifferenceKind::Missing;
        if is_missing && at.get() < self.rules.doubt_below {
            self.tally.unproven += 1;
            return;
        }
        if !is_missing && self.rules.filler == Some(digest.content) {
            self.tally.left_out += 1;
            return;
        }
        match digest.key {
            Key::Irrelevant => self.condemn(waiting),
            Key::None
            | Key::Of {
                tombstone: true, ..
            } => self.tally.compacted += 1,
            Key::Of { hash, .. } => {
                if !self.pending.wait(hash, waiting) {
                    self.tally.unproven += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
