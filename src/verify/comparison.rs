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
            RecordOrigin::At(at) => Some(at),
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
        if let Key::Of { hash, .. } = digest.key
            && self.pending.explain(hash)
        {
            self.tally.compacted += 1;
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
            RecordOrigin::At(_) => {
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
