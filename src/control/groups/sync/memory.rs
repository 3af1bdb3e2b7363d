//! What group sync remembers between rounds, and how it obeys the link's intents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::control::groups::cut::{ConsistentCut, Snapshot};
use crate::control::groups::status::Refused;
use crate::control::{MirroredPartition, TargetLog};
use crate::model::{GroupId, LinkIntents, TopicPartition};
use crate::task::log_once::Notice;

/// How long the target's offsets go unread while the source's don't change.
pub(super) const IDLE_PASS: Duration = Duration::from_secs(5);
/// How long the source's ends go unread while its offsets don't change: all they add is what a lost source took with it.
const IDLE_LOOK: Duration = Duration::from_secs(15);
/// How often an unchanged offset is committed within the target's offset retention (H17).
const REFRESHES_PER_RETENTION: i64 = 4;
/// The retention assumed for a target that doesn't report one, in milliseconds: the shortest default of any Kafka version.
pub(super) const RETENTION_UNTOLD_MS: i64 = 24 * 60 * 60 * 1000;

/// The loop's state between rounds.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) cut: ConsistentCut,
    pub(super) latest: Option<Arc<Snapshot>>,
    /// What an earlier process last saw on the source; only loaded if the source didn't answer since the start.
    pub(super) stored: Option<Arc<Snapshot>>,
    /// The groups with records of written offsets, as of the last pass over the target.
    pub(super) recorded: Option<BTreeSet<GroupId>>,
    /// Groups that the source no longer lists, and that have no offsets there.
    pub(super) gone: BTreeSet<GroupId>,
    /// Groups of kinds whose offsets can't be carried.
    pub(super) unsupported: BTreeSet<GroupId>,
    pub(super) refused: Refused,
    /// Partitions whose ends the source didn't report at the last look.
    pub(super) silent: Vec<TopicPartition>,
    pub(super) applied: Option<Arc<Snapshot>>,
    /// The number of partitions not yet read on the target at the last look.
    pub(super) unread: usize,
    /// When the source was last asked for its ends.
    pub(super) looked_at: Option<Instant>,
    /// When the last pass over the target succeeded.
    pub(super) passed_at: Option<Instant>,
    pub(super) retention_ms: Option<i64>,
    pub(super) holding: Holding,
    pub(super) reading: Notice,
    pub(super) writing: Notice,
}

/// The link's intents as obeyed by group sync. Offsets in topics whose intent forbids writes aren't refreshed, and are the
/// first to be written on a resume.
#[derive(Debug, Default)]
pub(super) struct Holding {
    obeyed: Arc<LinkIntents>,
    /// Whether offsets that weren't refreshed may be written again.
    resumed: bool,
}

impl Holding {
    /// Obeys the current intents. Returns whether a pass over the target is due: after a resume until one succeeds, after
    /// any other change once.
    pub(super) fn follow(&mut self, intents: &Arc<LinkIntents>) -> bool {
        let before = std::mem::replace(&mut self.obeyed, Arc::clone(intents));
        let is_other = !Arc::ptr_eq(&before, intents) && before != *intents;
        self.resumed |= is_other && resumes(&before, intents);
        is_other || self.resumed
    }

    /// Notes that a pass over the target succeeded.
    pub(super) fn passed(&mut self) {
        self.resumed = false;
    }

    /// The age, in milliseconds, from which an unchanged offset is committed again.
    pub(super) fn refresh_after_ms(&self, retention_ms: Option<i64>) -> i64 {
        if self.resumed {
            return 0;
        }
        retention_ms.unwrap_or(RETENTION_UNTOLD_MS) / REFRESHES_PER_RETENTION
    }
}

/// Whether `now` permits writes to a topic for which `before` forbids them.
fn resumes(before: &LinkIntents, now: &LinkIntents) -> bool {
    let of_link = !before.of_link().writes() && now.of_link().writes();
    let mut topics = before.topics.keys();
    of_link || topics.any(|it| !before.of(it).writes() && now.of(it).writes())
}

impl Memory {
    /// Whether the last snapshot has all its ends and the same groups as `snapshot`, and isn't old.
    pub(super) fn has_cut_of(&self, snapshot: &Snapshot) -> bool {
        let latest = self.latest.as_ref();
        let is_same = latest.is_some_and(|latest| latest.groups == snapshot.groups);
        is_same && self.silent.is_empty() && !is_due(self.looked_at, IDLE_LOOK)
    }

    /// Notes which offsets the source refuses to tell; those that aren't among them any more are shown anew.
    pub(super) fn note_refused(&mut self, refused: Refused) {
        if self.refused.keys().any(|it| !refused.contains_key(it)) {
            self.passed_at = None;
        }
        self.refused = refused;
    }

    /// Whether nothing is waiting and no pass is due.
    pub(super) fn rests(&self) -> bool {
        let waits = !self.cut.is_empty() || !self.silent.is_empty() || self.unread > 0;
        !waits && !is_due(self.passed_at, IDLE_PASS)
    }

    pub(super) fn has_applied(&self, snapshot: &Snapshot) -> bool {
        let applied = self.applied.as_ref();
        applied.is_some_and(|applied| applied.groups == snapshot.groups)
    }

    /// Whether partitions were read on the target since the last look.
    pub(super) fn has_read_more(&mut self, partitions: &[MirroredPartition]) -> bool {
        let unread = partitions
            .iter()
            .filter(|it| it.target_log == TargetLog::Unread);
        let unread = unread.count();
        std::mem::replace(&mut self.unread, unread) > unread
    }

    pub(super) fn new() -> Self {
        Self {
            cut: ConsistentCut::default(),
            latest: None,
            stored: None,
            recorded: None,
            gone: BTreeSet::new(),
            unsupported: BTreeSet::new(),
            refused: BTreeMap::new(),
            silent: Vec::new(),
            applied: None,
            unread: 0,
            looked_at: None,
            passed_at: None,
            retention_ms: None,
            holding: Holding::default(),
            reading: Notice::of("read the groups of the source"),
            writing: Notice::of("carry group offsets to the target"),
        }
    }
}

/// Whether `every` has passed since `done_at`, or it was never done.
pub(super) fn is_due(done_at: Option<Instant>, every: Duration) -> bool {
    done_at.is_none_or(|at| at.elapsed() >= every)
}
