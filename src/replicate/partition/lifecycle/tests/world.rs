//! A partition together with its worker's tasks, for exploring all possible events.

use super::super::*;
use crate::model::{BrokerId, HaltCode, Partition, SourceOffset, TargetOffset, TopicId};
use crate::replicate::partition::phase::Ids;
use crate::replicate::partition::route::{Lane, Lanes};
use crate::replicate::resync::decision::{self, Refused};

/// The worker's tasks under way for a partition: their answers will arrive, whatever else happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is under way or not")]
pub(super) struct World {
    resync: bool,
    start: bool,
    receipt: bool,
    decision: bool,
    reseed: bool,
    forgetting: bool,
    timer: bool,
    flows: bool,
    /// Whether the partition was marked as begun since its state was last forgotten.
    begun: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) life: Lifecycle,
    pub(super) world: World,
}

pub(super) fn reason(code: HaltCode) -> Reason {
    Reason::new(code, "it happened")
}

pub(super) fn conflicts() -> [Reason; 3] {
    [
        HaltCode::TargetTopicMissing,
        HaltCode::SourceRecreated,
        HaltCode::NotPermitted,
    ]
    .map(|code| Reason::new(code, "discovery found it"))
}

pub(super) fn ids(number: u128) -> Ids {
    let id = |number| TopicId(uuid::Uuid::from_u128(number));
    Ids {
        source: id(number),
        target: id(number + 1),
    }
}

pub(super) fn lanes() -> Lanes {
    let lane = |broker| Lane {
        broker: BrokerId(broker),
        slot: 0,
    };
    Lanes {
        intake: lane(1),
        outlet: lane(2),
    }
}

pub(super) fn failure() -> TransientFailure {
    TransientFailure {
        text: "no answer from broker 1".to_owned(),
        is_connection: true,
    }
}

pub(super) fn adoption() -> Box<Decision> {
    let (source, target) = (SourceOffset(1), TargetOffset(1));
    let reason = reason(HaltCode::ForeignWrite);
    Box::new(decision::adopt(
        reason,
        Vec::new(),
        Vec::new(),
        source,
        target,
    ))
}

pub(super) fn reseeding() -> Box<Decision> {
    Box::new(decision::reseed(
        reason(HaltCode::SourceRecreated),
        TargetOffset(1),
    ))
}

pub(super) fn outcome() -> DecisionOutcome {
    DecisionOutcome {
        action: Policy::Adopt,
        topic: "t".into(),
        partition: Partition(0),
        code: HaltCode::ForeignWrite,
        message: "done".to_owned(),
        source_offset: SourceOffset(1),
        target_offset: TargetOffset(1),
        stretches: Vec::new(),
    }
}

pub(super) fn troubles() -> Vec<Trouble> {
    let halts = [
        HaltCode::MapUnknown,
        HaltCode::RecordRefused,
        HaltCode::SourceGap,
    ];
    let mut troubles: Vec<_> = halts.map(|code| Trouble::Halt(reason(code))).into();
    troubles.push(Trouble::Retry(failure()));
    troubles.push(Trouble::Decided(adoption()));
    troubles.push(Trouble::Decided(reseeding()));
    troubles
}

/// The external events, which can arrive at any time.
pub(super) fn from_the_side() -> Vec<Event> {
    let mut events = vec![Event::ConflictGone, Event::Stop];
    events.extend(Intent::ALL.map(Event::Intent));
    events.extend(conflicts().map(Event::Conflict));
    events.extend([ids(1), ids(3)].map(Event::Recreated));
    events.extend([Policy::Follow, Policy::Reseed].map(Event::Released));
    events
}

impl World {
    /// Returns the possible results of the worker's tasks under way.
    pub(super) fn answers(&self, life: &Lifecycle) -> Vec<Event> {
        let mut events = Vec::new();
        if self.flows {
            events.extend(troubles().into_iter().map(Event::Trouble));
        }
        if life.is_at_work() {
            events.push(Event::Trouble(Trouble::Decided(reseeding())));
        }
        if self.resync {
            let refused = Refused {
                reason: reason(HaltCode::RecordRefused),
                offset: SourceOffset(1),
                end: TargetOffset(1),
            };
            events.push(Event::Resynced(Ok(Resynced::Flows(lanes()))));
            events.push(Event::Resynced(Ok(Resynced::Refused(Box::new(refused)))));
            events.extend(troubles().into_iter().map(|it| Event::Resynced(Err(it))));
        }
        if self.start {
            events.push(Event::StartStored(Ok(())));
            events.push(Event::StartStored(Err(Trouble::Retry(failure()))));
        }
        if self.receipt {
            events.push(Event::ReceiptWritten(Ok(adoption())));
            events.extend(
                troubles()
                    .into_iter()
                    .map(|it| Event::ReceiptWritten(Err(it))),
            );
        }
        if self.decision {
            for settles in [true, false] {
                events.push(Event::Decided(Ok((
                    Box::new(outcome()),
                    SettlesConflict(settles),
                ))));
            }
            events.push(Event::Decided(Err(Trouble::Retry(failure()))));
        }
        if self.reseed {
            let [missing, ..] = conflicts();
            events.push(Event::Reseeded(Ok((Box::new(outcome()), missing))));
            events.push(Event::Reseeded(Err(Trouble::Retry(failure()))));
        }
        if self.forgetting {
            events.push(Event::Forgotten(Ok(())));
            events.push(Event::Forgotten(Err(failure())));
        }
        if self.timer {
            events.push(Event::Due);
        }
        let answered = !self.resync && !self.start && !self.receipt;
        if life.is_draining() && answered {
            events.push(Event::Drained);
        }
        events
    }

    /// Marks the task that `event` results from as ended.
    pub(super) fn ends(&mut self, event: &Event) {
        match event {
            Event::Resynced(_) => self.resync = false,
            Event::StartStored(_) => self.start = false,
            Event::ReceiptWritten(_) => self.receipt = false,
            Event::Decided(_) => self.decision = false,
            Event::Reseeded(_) => self.reseed = false,
            Event::Forgotten(_) => self.forgetting = false,
            Event::Due => self.timer = false,
            _ => {}
        }
    }

    /// Performs an effect; panics if it can't be correct.
    pub(super) fn performs(&mut self, effect: &Effect) {
        let begins = |flag: &mut bool| {
            assert!(
                !std::mem::replace(flag, true),
                "twice at a time: {effect:?}"
            );
        };
        match effect {
            Effect::SendNothingMore(_) => assert!(std::mem::take(&mut self.flows)),
            Effect::AbandonResync => assert!(self.resync),
            Effect::Resync => begins(&mut self.resync),
            Effect::StoreStart => begins(&mut self.start),
            Effect::WriteReceipt(_) => begins(&mut self.receipt),
            Effect::Decide(_) => begins(&mut self.decision),
            Effect::Reseed(_) => begins(&mut self.reseed),
            Effect::Forget(_) => {
                begins(&mut self.forgetting);
                self.begun = false;
            }
            Effect::Begin => self.begun = true,
            Effect::Flow(_) => {
                assert!(self.begun, "records flow from where nobody knows");
                begins(&mut self.flows);
            }
            // A later timer makes an earlier one stale.
            Effect::Wait(_) => self.timer = true,
            Effect::Answer(_) | Effect::Tell(_) => {}
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.resync
            || self.start
            || self.receipt
            || self.decision
            || self.reseed
            || self.forgetting
            || self.flows
    }
}

/// Whether an effect fetches from the source or writes to the target.
pub(super) fn works(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Resync
            | Effect::StoreStart
            | Effect::Flow(_)
            | Effect::WriteReceipt(_)
            | Effect::Decide(_)
            | Effect::Reseed(_)
            | Effect::Forget(_)
    )
}

impl Node {
    pub(super) fn first(begun: bool) -> Self {
        let world = World {
            timer: true,
            begun,
            ..World::default()
        };
        let life = Lifecycle::new(Intent::Mirror, begun);
        Self { life, world }
    }

    pub(super) fn after(&self, event: &Event, policies: Policies) -> (Self, Effects) {
        let mut next = self.clone();
        next.world.ends(event);
        let effects = next.life.advance(event.clone(), policies);
        for effect in &effects {
            next.world.performs(effect);
        }
        if matches!(event, Event::Decided(Ok(_)))
            && self.life.phase == Phase::Deciding(Storing::Decision)
        {
            next.world.begun = true;
        }
        // The worker recognises a stale timer by its round.
        next.world.timer &= matches!(next.life.phase, Phase::Resting | Phase::Halted(_));
        (next, effects)
    }

    /// Asserts the invariants of every state.
    pub(super) fn check(&self) {
        let (life, world) = (&self.life, &self.world);
        let at = || format!("{self:?}");
        assert_eq!(life.lanes().is_some(), world.flows, "{}", at());
        if life.intent != Intent::Mirror || life.stopping {
            let works = matches!(
                life.phase,
                Phase::Resyncing
                    | Phase::Starting(_)
                    | Phase::Flowing(_)
                    | Phase::Quarantining
                    | Phase::Resting
                    | Phase::Halted(_)
            );
            assert!(!works, "{}", at());
        }
        if life.conflict.is_some() {
            assert!(
                !matches!(life.phase, Phase::Flowing(_) | Phase::Starting(_)),
                "{}",
                at()
            );
        } else {
            // A conflict that is gone leaves no trace.
            let gone = |reason: &Reason| conflicts().contains(reason);
            let trace = match &life.phase {
                Phase::Halted(reason)
                | Phase::Draining(Some(Trouble::Halt(reason)))
                | Phase::Idle(Idle::Intent(_, Some(reason))) => gone(reason),
                _ => false,
            };
            assert!(
                !trace && !life.pending.as_ref().is_some_and(gone),
                "{}",
                at()
            );
        }
        // No phase waits for an event that can't arrive.
        let armed = match &life.phase {
            Phase::Resyncing => world.resync,
            Phase::Starting(_) => world.start,
            Phase::Flowing(_) => world.flows,
            Phase::Draining(_) => true,
            Phase::Quarantining => world.receipt,
            Phase::Deciding(Storing::Decision) => world.decision,
            Phase::Deciding(Storing::Reseed) => world.reseed,
            Phase::Deciding(Storing::Forgetting(_)) => world.forgetting,
            Phase::Resting => world.timer,
            Phase::Halted(reason) => !reason.code.heals() || life.conflict.is_some() || world.timer,
            Phase::Idle(_) => !world.is_busy(),
        };
        assert!(armed, "nothing leads out of {}", at());
        assert!(!life.begun || world.begun, "{}", at());
    }
}
