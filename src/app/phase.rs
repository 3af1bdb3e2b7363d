//! The lifecycle of a link as one table of phases, events and effects. Pure; `driver` performs the effects.
//!
//! Promises: a stop always completes; a link runs only while it is owned and its checkpoint DB works; after a failure a
//! retry is armed; a lost lease and a failed checkpoint DB end the work in progress before anything else begins.
//!
//! ```text
//!  Acquiring <-> Standby
//!      | owned
//!      v
//!   Running -- stop, lease lost, store failed --> Ending -- tasks ended --> Releasing -- lease released --+
//!      |                                                                        ^                         |
//!      +-------------------------- tasks failed or panicked --------------------+                         v
//!                              Acquiring | StoreFailed -- works --> Acquiring | Failed -- due --> Acquiring | Stopped
//! ```

use std::time::Duration;

#[cfg(test)]
mod tests;

/// The delay after the first failure; each further one in a row doubles it.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest delay, and the one after an error that only an operator can fix.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// After running this long, a link's earlier failures no longer count.
const STEADY: Duration = Duration::from_secs(60);

/// The phase of a link as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LinkPhase {
    /// Waits until this process owns the link and the checkpoint DB matches the journal.
    Acquiring,
    /// Waits until the process that owns the link releases it or falls silent.
    Standby,
    /// Owns the link; its tasks are running.
    Running,
    /// Waits until its tasks, told to end, have ended.
    Ending(AfterTerm),
    /// Releases the lease, with the tasks ended.
    Releasing(AfterTerm),
    /// Waits until the checkpoint DB, which failed for this reason, can be used again.
    StoreFailed(String),
    Failed(Outage),
    /// Has ended permanently.
    Stopped,
}

/// The phase that follows the end of a term.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AfterTerm {
    Acquire,
    /// Restart after a failure.
    BeginAnew(LinkTrouble),
    AwaitStore(String),
    Stop,
}

/// An error or a panic that ended a link's tasks, or kept the link from being acquired.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkTrouble {
    /// The error with its causes.
    pub(super) why: String,
    /// Whether a retry may succeed without an operator.
    pub(super) may_pass: bool,
}

/// A failure, shown until the link restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outage {
    pub(super) why: String,
    /// The delay from the failure to the retry.
    pub(super) retry_in: Duration,
}

/// A link's phase and its recent failures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkLife {
    pub(super) phase: LinkPhase,
    /// Consecutive failures, without a steady run in between.
    failures: u32,
    last_failure: Option<String>,
}

/// An event in a link's lifecycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// Whether another process owns the link.
    Standing { is_standby: bool },
    /// This process owns the link, and the checkpoint DB is complete.
    Owned,
    /// The tasks ended as requested.
    Ended,
    /// The tasks, or the attempt to acquire the link, ended with an error or a panic.
    Failed(LinkTrouble),
    /// Another process took the link over, or the journal is gone.
    Lost(String),
    /// The lease was released.
    Released,
    /// The checkpoint DB failed, for this reason.
    StoreFailed(String),
    /// The checkpoint DB can be used again.
    StoreWorks,
    /// The time of the last [`LinkEffect::Wake`] has passed.
    Due,
    /// The link is to stop.
    Stop,
}

/// An effect for the driver to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkEffect {
    /// Start to acquire the link.
    Acquire,
    /// Stop acquiring it.
    Abandon,
    /// Start its tasks.
    Work,
    /// Tell its tasks to end; [`LinkEvent::Ended`] or [`LinkEvent::Failed`] follows.
    End,
    /// Release the lease; [`LinkEvent::Released`] follows.
    Release,
    /// Report [`LinkEvent::Due`] after this time; replaces an earlier timer.
    Wake(Duration),
    /// Log an event.
    Tell(LinkNews),
}

/// An event worth a log line, logged once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkNews {
    /// The link has failed, for another reason than the previous time.
    Failed(Outage),
    /// The link has run long enough that earlier failures no longer count.
    RunsSteadily,
    /// The link is no longer owned by this process, for this reason.
    Lost(String),
}

impl LinkPhase {
    /// Whether a task of the link may be using the checkpoint DB, which isn't reopened meanwhile.
    pub(super) fn uses_store(&self) -> bool {
        match self {
            Self::Acquiring
            | Self::Standby
            | Self::Running
            | Self::Ending(_)
            | Self::Releasing(_) => true,
            Self::StoreFailed(_) | Self::Failed(_) | Self::Stopped => false,
        }
    }

    /// Whether the link was told to stop.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(
            self,
            Self::Ending(AfterTerm::Stop) | Self::Releasing(AfterTerm::Stop) | Self::Stopped
        )
    }

    /// Whether a failure of the checkpoint DB is already known or no longer matters.
    pub(super) fn knows_of_store(&self) -> bool {
        match self {
            Self::StoreFailed(_)
            | Self::Ending(AfterTerm::AwaitStore(_))
            | Self::Releasing(AfterTerm::AwaitStore(_)) => true,
            Self::Acquiring
            | Self::Standby
            | Self::Running
            | Self::Ending(_)
            | Self::Releasing(_)
            | Self::Failed(_)
            | Self::Stopped => self.is_stopping(),
        }
    }
}

impl AfterTerm {
    /// The next phase if the checkpoint DB has failed as well.
    fn without_store(self, why: String) -> Self {
        match self {
            Self::Stop => Self::Stop,
            Self::Acquire | Self::BeginAnew(_) | Self::AwaitStore(_) => Self::AwaitStore(why),
        }
    }
}

/// The phase that follows an event, with the effects. An event that the phase doesn't expect changes nothing.
pub(super) fn step(life: LinkLife, event: LinkEvent) -> (LinkLife, Vec<LinkEffect>) {
    match life.phase.clone() {
        LinkPhase::Acquiring | LinkPhase::Standby => life.while_acquiring(event),
        LinkPhase::Running => life.while_running(event),
        LinkPhase::Ending(next) => life.while_ending(next, event),
        LinkPhase::Releasing(next) => life.while_releasing(next, event),
        LinkPhase::StoreFailed(_) => life.without_store(event),
        LinkPhase::Failed(_) => life.while_failed(event),
        LinkPhase::Stopped => (life, vec![]),
    }
}

impl LinkLife {
    /// The state of a link that starts to acquire its lease.
    pub(super) fn begun() -> Self {
        Self {
            phase: LinkPhase::Acquiring,
            failures: 0,
            last_failure: None,
        }
    }

    fn to(self, phase: LinkPhase) -> Self {
        Self { phase, ..self }
    }

    fn while_acquiring(self, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        match event {
            LinkEvent::Standing { is_standby: true } => (self.to(LinkPhase::Standby), vec![]),
            LinkEvent::Standing { is_standby: false } => (self.to(LinkPhase::Acquiring), vec![]),
            LinkEvent::Owned => {
                let effects = vec![LinkEffect::Work, LinkEffect::Wake(STEADY)];
                (self.to(LinkPhase::Running), effects)
            }
            LinkEvent::Failed(trouble) => self.failed(trouble),
            LinkEvent::StoreFailed(why) => {
                let effects = vec![LinkEffect::Abandon];
                (self.to(LinkPhase::StoreFailed(why)), effects)
            }
            LinkEvent::Stop => (self.to(LinkPhase::Stopped), vec![LinkEffect::Abandon]),
            LinkEvent::Ended
            | LinkEvent::Lost(_)
            | LinkEvent::Released
            | LinkEvent::StoreWorks
            | LinkEvent::Due => (self, vec![]),
        }
    }

    fn while_running(self, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        let ending = |life: Self, next| (life.to(LinkPhase::Ending(next)), vec![LinkEffect::End]);
        match event {
            LinkEvent::Ended => self.while_running(LinkEvent::Failed(LinkTrouble {
                why: "the link's tasks ended unexpectedly".to_owned(),
                may_pass: true,
            })),
            LinkEvent::Failed(trouble) => {
                let phase = LinkPhase::Releasing(AfterTerm::BeginAnew(trouble));
                (self.to(phase), vec![LinkEffect::Release])
            }
            LinkEvent::Lost(why) => {
                let (life, mut effects) = ending(self, AfterTerm::Acquire);
                effects.push(LinkEffect::Tell(LinkNews::Lost(why)));
                (life, effects)
            }
            LinkEvent::StoreFailed(why) => ending(self, AfterTerm::AwaitStore(why)),
            LinkEvent::Stop => ending(self, AfterTerm::Stop),
            LinkEvent::Due => {
                let news = (self.failures > 0).then_some(LinkEffect::Tell(LinkNews::RunsSteadily));
                let steady = Self::begun().to(LinkPhase::Running);
                (steady, news.into_iter().collect())
            }
            LinkEvent::Standing { .. }
            | LinkEvent::Owned
            | LinkEvent::Released
            | LinkEvent::StoreWorks => (self, vec![]),
        }
    }

    fn while_ending(self, next: AfterTerm, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        match event {
            LinkEvent::Ended | LinkEvent::Failed(_) => (
                self.to(LinkPhase::Releasing(next)),
                vec![LinkEffect::Release],
            ),
            LinkEvent::StoreFailed(why) => {
                (self.to(LinkPhase::Ending(next.without_store(why))), vec![])
            }
            LinkEvent::Stop => (self.to(LinkPhase::Ending(AfterTerm::Stop)), vec![]),
            LinkEvent::Standing { .. }
            | LinkEvent::Owned
            | LinkEvent::Lost(_)
            | LinkEvent::Released
            | LinkEvent::StoreWorks
            | LinkEvent::Due => (self, vec![]),
        }
    }

    fn while_releasing(self, next: AfterTerm, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        match event {
            LinkEvent::Released => self.followed_by(next),
            LinkEvent::StoreFailed(why) => (
                self.to(LinkPhase::Releasing(next.without_store(why))),
                vec![],
            ),
            LinkEvent::Stop => (self.to(LinkPhase::Releasing(AfterTerm::Stop)), vec![]),
            LinkEvent::Standing { .. }
            | LinkEvent::Owned
            | LinkEvent::Ended
            | LinkEvent::Failed(_)
            | LinkEvent::Lost(_)
            | LinkEvent::StoreWorks
            | LinkEvent::Due => (self, vec![]),
        }
    }

    fn without_store(self, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        match event {
            LinkEvent::StoreWorks => self.followed_by(AfterTerm::Acquire),
            LinkEvent::StoreFailed(why) => self.followed_by(AfterTerm::AwaitStore(why)),
            LinkEvent::Stop => self.followed_by(AfterTerm::Stop),
            LinkEvent::Standing { .. }
            | LinkEvent::Owned
            | LinkEvent::Ended
            | LinkEvent::Failed(_)
            | LinkEvent::Lost(_)
            | LinkEvent::Released
            | LinkEvent::Due => (self, vec![]),
        }
    }

    fn while_failed(self, event: LinkEvent) -> (Self, Vec<LinkEffect>) {
        match event {
            LinkEvent::Due => self.followed_by(AfterTerm::Acquire),
            LinkEvent::StoreFailed(why) => self.followed_by(AfterTerm::AwaitStore(why)),
            LinkEvent::Stop => self.followed_by(AfterTerm::Stop),
            LinkEvent::Standing { .. }
            | LinkEvent::Owned
            | LinkEvent::Ended
            | LinkEvent::Failed(_)
            | LinkEvent::Lost(_)
            | LinkEvent::Released
            | LinkEvent::StoreWorks => (self, vec![]),
        }
    }

    fn followed_by(self, next: AfterTerm) -> (Self, Vec<LinkEffect>) {
        match next {
            AfterTerm::Acquire => (self.to(LinkPhase::Acquiring), vec![LinkEffect::Acquire]),
            AfterTerm::BeginAnew(trouble) => self.failed(trouble),
            AfterTerm::AwaitStore(why) => (self.to(LinkPhase::StoreFailed(why)), vec![]),
            AfterTerm::Stop => (self.to(LinkPhase::Stopped), vec![]),
        }
    }

    fn failed(self, trouble: LinkTrouble) -> (Self, Vec<LinkEffect>) {
        let doubled = RETRY_MIN.saturating_mul(1 << self.failures.min(16));
        let retry_in = if trouble.may_pass {
            doubled.min(RETRY_MAX)
        } else {
            RETRY_MAX
        };
        let why = trouble.why;
        let is_new = self.last_failure.as_ref() != Some(&why);
        let failure = Outage { why, retry_in };
        let mut effects = vec![LinkEffect::Wake(retry_in)];
        if is_new {
            effects.push(LinkEffect::Tell(LinkNews::Failed(failure.clone())));
        }
        let life = Self {
            failures: self.failures.saturating_add(1).min(16),
            last_failure: Some(failure.why.clone()),
            phase: LinkPhase::Failed(failure),
        };
        (life, effects)
    }
}
