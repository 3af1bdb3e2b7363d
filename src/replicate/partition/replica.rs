//! The broker that a partition is fetched from: the leader of its source, or a follower near farshore that the leader named
//! (KIP-392).
//!
//! Pure. A follower decides nothing: what it can't serve, or serves in a way that would change what is believed about the
//! log, is asked of the leader. The leader isn't offered the rack then, for a time that doubles with each failure in a row.

use std::time::Duration;

use crate::model::{BrokerId, Monotonic};

use super::route::Lane;

/// How long only the leader is asked after the first failure of a follower, and how often that is doubled.
const LEADER_ONLY: Duration = Duration::from_secs(5);
const DOUBLINGS: u32 = 5;
/// A follower that answered this long after the leader had something should have it too.
const LATE: Duration = Duration::from_secs(2);

/// The broker that a partition is fetched from. `failures` counts those of followers in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replica {
    /// The leader, which may name a follower.
    Leader { failures: u32 },
    /// A follower, on this connection; after `until` the leader is asked again.
    Follower {
        lane: Lane,
        until: Monotonic,
        failures: u32,
    },
    /// The leader, which isn't offered the rack before `until`.
    LeaderOnly { until: Monotonic, failures: u32 },
}

/// What happened to a partition, as far as it matters for where to fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplicaEvent {
    /// The leader named the follower at the other end of this connection.
    Named(Lane),
    /// The follower failed, or answered what only the leader may decide.
    Failed,
    /// Time passed.
    Passed,
    /// Records of the partition no longer flow.
    Left,
}

impl Default for Replica {
    fn default() -> Self {
        Self::Leader { failures: 0 }
    }
}

impl Replica {
    /// Returns where to fetch from after an event at `now`; a follower is asked for the time `lease`.
    pub(crate) fn step(self, event: ReplicaEvent, now: Monotonic, lease: Duration) -> Self {
        let (Self::Leader { failures }
        | Self::Follower { failures, .. }
        | Self::LeaderOnly { failures, .. }) = self;
        match (self, event) {
            (Self::Leader { .. }, ReplicaEvent::Named(lane)) => Self::Follower {
                lane,
                until: now.plus(lease),
                failures,
            },
            (Self::Leader { .. } | Self::Follower { .. }, ReplicaEvent::Failed)
            | (Self::Follower { .. }, ReplicaEvent::Named(_)) => Self::LeaderOnly {
                until: now.plus(LEADER_ONLY * 2_u32.pow(failures.min(DOUBLINGS))),
                failures: failures.saturating_add(1),
            },
            (Self::Follower { until, .. }, ReplicaEvent::Passed) if now >= until => {
                Self::Leader { failures: 0 }
            }
            (Self::LeaderOnly { until, .. }, ReplicaEvent::Passed) if now >= until => {
                Self::Leader { failures }
            }
            (Self::Follower { .. }, ReplicaEvent::Left) => Self::Leader { failures },
            (Self::Leader { .. }, ReplicaEvent::Passed | ReplicaEvent::Left)
            | (Self::Follower { .. }, ReplicaEvent::Passed)
            | (Self::LeaderOnly { .. }, _) => self,
        }
    }

    /// Returns the connection to fetch on; `leader` is that to the leader.
    pub(crate) fn lane(self, leader: Lane) -> Lane {
        match self {
            Self::Leader { .. } => leader,
            Self::Follower { lane, .. } => lane,
            Self::LeaderOnly { .. } => leader.without_rack(),
        }
    }

    /// Returns the follower that is asked, if one is.
    pub(crate) fn follower(self) -> Option<BrokerId> {
        match self {
            Self::Follower { lane, .. } => Some(lane.broker),
            Self::Leader { .. } | Self::LeaderOnly { .. } => None,
        }
    }

    /// Whether a follower is asked.
    pub(crate) fn is_follower(self) -> bool {
        self.follower().is_some()
    }
}

/// What a follower has of a partition, compared with its leader: last stable offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FollowerEnd {
    /// The follower's, by its last answer.
    own: Option<i64>,
    /// The leader's, and when it was asked.
    leader: Option<(i64, Monotonic)>,
}

impl FollowerEnd {
    /// Records an answer of the follower.
    pub(crate) fn note(&mut self, stable: i64) {
        self.own = Some(stable).filter(|end| *end >= 0).or(self.own);
    }

    /// Records the end that the leader has since `at`. Returns whether the follower lags: in an answer at `heard` it still
    /// lacked what the leader had at the previous look, and everything it has was fetched, up to `next`.
    pub(crate) fn lags(
        &mut self,
        (stable, at): (i64, Monotonic),
        next: i64,
        heard: Option<Monotonic>,
    ) -> bool {
        let previous = self.leader.replace((stable, at));
        let (Some((end, looked)), Some(own), Some(heard)) = (previous, self.own, heard) else {
            return false;
        };
        own < end && own <= next && heard.since(looked) >= LATE
    }
}

#[cfg(test)]
mod tests;
