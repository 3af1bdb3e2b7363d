//! A link's life as one table: its phases, what may happen in each, and what has to be done for it. Pure; `driver` performs it.
//!
//! Promises: a stop always ends; a link runs only while it is owned and its checkpoint DB works; after a failure a retry is armed;
//! a lost lease and a failed checkpoint DB end whatever is at work before anything else begins.
//!
//! ```text
//!  Acquiring <-> Standby
//!      | owned
//!      v
//!   Running -- stop, lease lost, store failed --> Ending -- parts ended --> Releasing -- lease given up --+
//!      |                                                                        ^                         |
//!      +-------------------------- parts failed or panicked --------------------+                         v
//!                              Acquiring | StoreFailed -- works --> Acquiring | Failed -- due --> Acquiring | Stopped
//! ```

use std::time::Duration;

#[cfg(test)]
mod tests;

/// The delay after the first failure; each further one in a row doubles it.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest delay, and the one after an error that only an operator can mend.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long a link runs until earlier failures no longer count.
const STEADY: Duration = Duration::from_secs(60);

/// What a link is doing as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LinkPhase {
    /// Waits until this process owns the link and the checkpoint DB is equal to the journal.
    Acquiring,
    /// Waits until the process that owns the link gives it up or falls silent.
    Standby,
    /// Owns the link; its parts are at work.
    Running,
    /// Waits until its parts, told to end, have ended.
    Ending(Next),
    /// Gives the lease up, with the parts ended.
    Releasing(Next),
    /// Waits until the checkpoint DB, failed for this reason, can be used again.
    StoreFailed(String),
    /// Waits until the retry is due.
    Failed(Failure),
    /// Has ended for good.
    Stopped,
}

/// The phase that follows once a term is over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// To own the link again.
    Acquire,
    /// To begin anew after a failure.
    BeginAnew(Trouble),
    /// To wait for the checkpoint DB.
    AwaitStore(String),
    /// To be stopped.
    Stop,
}

/// An error or a panic that ended a link's parts, or kept it from being owned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trouble {
    /// The error with its circumstances.
    pub(super) why: String,
    /// Whether it may pass without an operator.
    pub(super) may_pass: bool,
}

/// A failure that is shown until the link begins anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    /// The reason.
    pub(super) why: String,
    /// The delay from the failure to the retry.
    pub(super) retry_in: Duration,
}

/// A link's phase, and the failures that led to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    pub(super) phase: LinkPhase,
    /// Failures in a row, without a steady run in between.
    failures: u32,
    /// The last of them.
    last_failure: Option<String>,
}

/// Something that happened to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Whether another process owns the link.
    Standing { is_standby: bool },
    /// This process owns the link, and the checkpoint DB is whole.
    Owned,
    /// The parts ended as they were told to.
    Ended,
    /// The parts, or the attempt to own the link, ended with an error or a panic.
    Failed(Trouble),
    /// Another process took the link over, or the journal is gone.
    Lost(String),
    /// The lease was given up.
    Released,
    /// The checkpoint DB can't be used.
    StoreFailed(String),
    /// The checkpoint DB can be used again.
    StoreWorks,
    /// The time of the last [`Effect::Wake`] is over.
    Due,
    /// The link is to stop.
    Stop,
}

/// Something for the driver to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Begin to acquire the link.
    Acquire,
    /// Give up acquiring it.
    Abandon,
    /// Set its parts to work.
    Work,
    /// Tell its parts to end; [`Event::Ended`] or [`Event::Failed`] follows.
    End,
    /// Give up the lease; [`Event::Released`] follows.
    Release,
    /// Report [`Event::Due`] after this time, and no earlier one.
    Wake(Duration),
    /// Write a line to the log.
    Tell(News),
}

/// What an operator is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The link has failed, for another reason than the last time.
    Failed(Failure),
    /// It has run for so long that earlier failures no longer count.
    RunsSteadily,
    /// It is no longer owned by this process, for this reason.
    Lost(String),
}

impl LinkPhase {
    /// Whether something of the link may use the checkpoint DB, which isn't opened anew meanwhile.
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

    /// Whether it is told to stop already.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(
            self,
            Self::Ending(Next::Stop) | Self::Releasing(Next::Stop) | Self::Stopped
        )
    }

    /// Whether the failure of the checkpoint DB is known, or doesn't matter any more.
    pub(super) fn knows_of_store(&self) -> bool {
        match self {
            Self::StoreFailed(_)
            | Self::Ending(Next::AwaitStore(_))
            | Self::Releasing(Next::AwaitStore(_)) => true,
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

impl Next {
    /// What follows where the checkpoint DB has failed as well.
    fn without_store(self, why: String) -> Self {
        match self {
            Self::Stop => Self::Stop,
            Self::Acquire | Self::BeginAnew(_) | Self::AwaitStore(_) => Self::AwaitStore(why),
        }
    }
}

/// The phase after an event, and what has to be done for it. An event that a phase doesn't wait for changes nothing.
pub(super) fn step(life: Life, event: Event) -> (Life, Vec<Effect>) {
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

impl Life {
    /// The life of a link whose acquisition begins.
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

    fn while_acquiring(self, event: Event) -> (Self, Vec<Effect>) {
        match event {
            Event::Standing { is_standby: true } => (self.to(LinkPhase::Standby), vec![]),
            Event::Standing { is_standby: false } => (self.to(LinkPhase::Acquiring), vec![]),
            Event::Owned => {
                let effects = vec![Effect::Work, Effect::Wake(STEADY)];
                (self.to(LinkPhase::Running), effects)
            }
            Event::Failed(trouble) => self.failed(trouble),
            Event::StoreFailed(why) => {
                let effects = vec![Effect::Abandon];
                (self.to(LinkPhase::StoreFailed(why)), effects)
            }
            Event::Stop => (self.to(LinkPhase::Stopped), vec![Effect::Abandon]),
            Event::Ended | Event::Lost(_) | Event::Released | Event::StoreWorks | Event::Due => {
                (self, vec![])
            }
        }
    }

    fn while_running(self, event: Event) -> (Self, Vec<Effect>) {
        let ending = |life: Self, next| (life.to(LinkPhase::Ending(next)), vec![Effect::End]);
        match event {
            Event::Ended => self.while_running(Event::Failed(Trouble {
                why: "the link's parts ended although nothing told them to".to_owned(),
                may_pass: true,
            })),
            Event::Failed(trouble) => {
                let phase = LinkPhase::Releasing(Next::BeginAnew(trouble));
                (self.to(phase), vec![Effect::Release])
            }
            Event::Lost(why) => {
                let (life, mut effects) = ending(self, Next::Acquire);
                effects.push(Effect::Tell(News::Lost(why)));
                (life, effects)
            }
            Event::StoreFailed(why) => ending(self, Next::AwaitStore(why)),
            Event::Stop => ending(self, Next::Stop),
            Event::Due => {
                let news = (self.failures > 0).then_some(Effect::Tell(News::RunsSteadily));
                let steady = Self::begun().to(LinkPhase::Running);
                (steady, news.into_iter().collect())
            }
            Event::Standing { .. } | Event::Owned | Event::Released | Event::StoreWorks => {
                (self, vec![])
            }
        }
    }

    fn while_ending(self, next: Next, event: Event) -> (Self, Vec<Effect>) {
        match event {
            Event::Ended | Event::Failed(_) => {
                (self.to(LinkPhase::Releasing(next)), vec![Effect::Release])
            }
            Event::StoreFailed(why) => {
                (self.to(LinkPhase::Ending(next.without_store(why))), vec![])
            }
            Event::Stop => (self.to(LinkPhase::Ending(Next::Stop)), vec![]),
            Event::Standing { .. }
            | Event::Owned
            | Event::Lost(_)
            | Event::Released
            | Event::StoreWorks
            | Event::Due => (self, vec![]),
        }
    }

    fn while_releasing(self, next: Next, event: Event) -> (Self, Vec<Effect>) {
        match event {
            Event::Released => self.followed_by(next),
            Event::StoreFailed(why) => (
                self.to(LinkPhase::Releasing(next.without_store(why))),
                vec![],
            ),
            Event::Stop => (self.to(LinkPhase::Releasing(Next::Stop)), vec![]),
            Event::Standing { .. }
            | Event::Owned
            | Event::Ended
            | Event::Failed(_)
            | Event::Lost(_)
            | Event::StoreWorks
            | Event::Due => (self, vec![]),
        }
    }

    fn without_store(self, event: Event) -> (Self, Vec<Effect>) {
        match event {
            Event::StoreWorks => self.followed_by(Next::Acquire),
            Event::StoreFailed(why) => self.followed_by(Next::AwaitStore(why)),
            Event::Stop => self.followed_by(Next::Stop),
            Event::Standing { .. }
            | Event::Owned
            | Event::Ended
            | Event::Failed(_)
            | Event::Lost(_)
            | Event::Released
            | Event::Due => (self, vec![]),
        }
    }

    fn while_failed(self, event: Event) -> (Self, Vec<Effect>) {
        match event {
            Event::Due => self.followed_by(Next::Acquire),
            Event::StoreFailed(why) => self.followed_by(Next::AwaitStore(why)),
            Event::Stop => self.followed_by(Next::Stop),
            Event::Standing { .. }
            | Event::Owned
            | Event::Ended
            | Event::Failed(_)
            | Event::Lost(_)
            | Event::Released
            | Event::StoreWorks => (self, vec![]),
        }
    }

    fn followed_by(self, next: Next) -> (Self, Vec<Effect>) {
        match next {
            Next::Acquire => (self.to(LinkPhase::Acquiring), vec![Effect::Acquire]),
            Next::BeginAnew(trouble) => self.failed(trouble),
            Next::AwaitStore(why) => (self.to(LinkPhase::StoreFailed(why)), vec![]),
            Next::Stop => (self.to(LinkPhase::Stopped), vec![]),
        }
    }

    fn failed(self, trouble: Trouble) -> (Self, Vec<Effect>) {
        let doubled = RETRY_MIN.saturating_mul(1 << self.failures.min(16));
        let retry_in = if trouble.may_pass {
            doubled.min(RETRY_MAX)
        } else {
            RETRY_MAX
        };
        let why = trouble.why;
        let is_new = self.last_failure.as_ref() != Some(&why);
        let failure = Failure { why, retry_in };
        let mut effects = vec![Effect::Wake(retry_in)];
        if is_new {
            effects.push(Effect::Tell(News::Failed(failure.clone())));
        }
        let life = Self {
            failures: self.failures.saturating_add(1).min(16),
            last_failure: Some(failure.why.clone()),
            phase: LinkPhase::Failed(failure),
        };
        (life, effects)
    }
}
