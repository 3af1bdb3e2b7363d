//! Stored form of plans and operations: small fields in a head, lists in chunks, the moves of an operation once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{self, Blocker, LossLimit, Move, Moves, Plan, Risk, Step};
use super::states::{Ends, Operation, Phase, PhaseName};
use super::summary::{OperationSummary, PlanSummary};
use crate::checkpoint::chunks::{ChunkedList, Packed};
use crate::checkpoint::documents::{Document, List, Name};
use crate::checkpoint::{Store, Update};
use crate::error::Result;
use crate::model::{SourceOffset, TargetOffset, TopicPartition};

type Lists = BTreeMap<List, ChunkedList>;

/// A plan without its id and its lists.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlanHead {
    kind: plan::MoveKind,
    created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    offsets_as_of: Option<Timestamp>,
    steps: Vec<Step>,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_risk: Option<Risk>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_loss: Option<LossLimit>,
}

/// An operation without its id and its lists.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OperationHead {
    plan: PlanHead,
    pub(super) phase: PhaseHead,
    moves: MovesAre,
    started_at: Timestamp,
    entered_at: Timestamp,
    retrying: Option<String>,
}

/// A phase without its lists.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(super) enum PhaseHead {
    Draining {
        deadline_ms: i64,
        has_rested: bool,
        waits_for: Vec<String>,
    },
    Fixing,
    Freezing,
    Checking,
    Committing,
    Verifying,
    Thawing,
    Done,
    Stopped {
        at: PhaseName,
    },
}

/// Where an operation's moves are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MovesAre {
    /// The operation has no moves.
    Missing,
    /// The moves are the plan's.
    Planned,
    /// The moves are a separate list.
    Listed,
}

/// A move without the group and partition, which are its key.
#[derive(Debug, Serialize, Deserialize)]
struct StoredMove {
    #[serde(rename = "s")]
    source_offset: SourceOffset,
    #[serde(rename = "t")]
    target_offset: TargetOffset,
    /// Set if it differs from the source offset.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none", default)]
    stands_for: Option<SourceOffset>,
    #[serde(rename = "n", skip_serializing_if = "is_default", default)]
    is_inexact: bool,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none", default)]
    detail: Option<String>,
    #[serde(rename = "u", skip_serializing_if = "is_default", default)]
    unreachable_records: i64,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none", default)]
    metadata: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PlanHead {
    pub(super) fn summary(self, name: Name) -> PlanSummary {
        PlanSummary {
            id: name.id,
            link: name.link,
            kind: self.kind,
            created_at: self.created_at,
            expires_at: self.expires_at,
            hash: self.hash,
        }
    }
}

impl OperationHead {
    pub(super) fn summary(self, name: Name) -> OperationSummary {
        let phase = self.phase.with(Moves::default(), Vec::new(), Vec::new());
        let (at, waits_for) = phase.told();
        OperationSummary {
            id: name.id,
            link: name.link,
            kind: self.plan.kind,
            phase: phase.name(),
            at,
            waits_for,
            retrying: self.retrying,
            started_at: self.started_at,
            entered_at: self.entered_at,
        }
    }
}

impl PhaseHead {
    /// The phase with its lists.
    fn with(
        self,
        moves: Moves,
        blockers: Vec<Blocker>,
        ends: Vec<(TopicPartition, SourceOffset)>,
    ) -> Phase {
        match self {
            Self::Draining {
                deadline_ms,
                has_rested,
                waits_for,
            } => Phase::Draining {
                deadline_ms,
                rested: has_rested.then(|| Ends::from(ends)),
                waits_for,
            },
            Self::Fixing => Phase::Fixing,
            Self::Freezing => Phase::Freezing { moves },
            Self::Checking => Phase::Checking { moves },
            Self::Committing => Phase::Committing { moves },
            Self::Verifying => Phase::Verifying { moves },
            Self::Thawing => Phase::Thawing { moves, blockers },
            Self::Done => Phase::Done { moves },
            Self::Stopped { at } => Phase::Stopped {
                at,
                moves,
                blockers,
            },
        }
    }

    pub(super) fn is_last(&self) -> bool {
        matches!(self, Self::Done | Self::Stopped { .. })
    }
}

/// Adds a whole plan to an update, under the name of a plan or of an operation.
pub(super) fn put_plan(update: &mut Update, name: &Name, plan: &Plan) -> Document<PlanHead> {
    let mut lists = Lists::new();
    let mut put = |list, packed| {
        lists.insert(list, name.put_list(update, list, packed));
    };
    put(List::Chosen, Packed::list(&plan.chosen));
    put(List::Topics, Packed::list(&plan.topics));
    put(List::Planned, packed(&plan.groups));
    put(List::Against, Packed::list(&plan.blockers));
    put(List::Warnings, Packed::list(&plan.warnings));
    let head = PlanHead {
        kind: plan.kind,
        created_at: plan.created_at,
        expires_at: plan.expires_at,
        offsets_as_of: plan.offsets_as_of,
        steps: plan.steps.clone(),
        hash: plan.hash.clone(),
        at_risk: plan.at_risk,
        allow_loss: plan.allow_loss,
    };
    Document { head, lists }
}

/// Reads the plan that a document is or contains; `None` if it was replaced since the head was read.
pub(super) fn load_plan(
    store: &dyn Store,
    name: &Name,
    head: PlanHead,
    lists: &Lists,
) -> Result<Option<Plan>> {
    let (Some(chosen), Some(topics), Some(groups), Some(blockers), Some(warnings)) = (
        name.list(store, lists, List::Chosen)?,
        name.list(store, lists, List::Topics)?,
        load_moves(store, name, lists, List::Planned)?,
        name.list(store, lists, List::Against)?,
        name.list(store, lists, List::Warnings)?,
    ) else {
        return Ok(None);
    };
    Ok(Some(Plan {
        id: name.id.clone(),
        kind: head.kind,
        link: name.link.clone(),
        created_at: head.created_at,
        expires_at: head.expires_at,
        offsets_as_of: head.offsets_as_of,
        chosen,
        topics,
        groups,
        steps: head.steps,
        at_risk: head.at_risk,
        allow_loss: head.allow_loss,
        blockers,
        warnings,
        hash: head.hash,
    }))
}

/// Adds an operation to an update: its head, and those of its lists not yet stored.
pub(super) fn put_operation(
    update: &mut Update,
    name: &Name,
    operation: &Operation,
    former: Option<Document<OperationHead>>,
) {
    let was_listed = former
        .as_ref()
        .is_some_and(|former| former.head.moves == MovesAre::Listed);
    let (plan, mut lists) = if let Some(former) = former {
        (former.head.plan, former.lists)
    } else {
        let plan = put_plan(update, name, &operation.plan);
        (plan.head, plan.lists)
    };
    let moves = match operation.phase.moves() {
        Some(moves) if moves.is_empty() => MovesAre::Missing,
        Some(moves) if *moves == operation.plan.groups => MovesAre::Planned,
        Some(moves) => {
            // Moves never change once set.
            if !was_listed {
                replace(update, name, &mut lists, List::Moves, packed(moves));
            }
            MovesAre::Listed
        }
        None => MovesAre::Missing,
    };
    let blockers = Packed::list(operation.phase.blockers());
    replace(update, name, &mut lists, List::Blockers, blockers);
    let mut ends = Packed::default();
    if let Phase::Draining {
        rested: Some(rested),
        ..
    } = &operation.phase
    {
        ends = Packed::list(&rested.0);
    }
    replace(update, name, &mut lists, List::Ends, ends);
    let head = OperationHead {
        plan,
        phase: PhaseHead::from(&operation.phase),
        moves,
        started_at: operation.started_at,
        entered_at: operation.entered_at,
        retrying: operation.retrying.clone(),
    };
    name.put(update, &Document { head, lists });
}

fn replace(update: &mut Update, name: &Name, lists: &mut Lists, list: List, packed: Packed) {
    name.delete_list(update, lists, list);
    lists.remove(&list);
    if !packed.is_empty() {
        lists.insert(list, name.put_list(update, list, packed));
    }
}

/// Reads an operation; `None` if it was replaced since the head was read.
pub(super) fn load_operation(
    store: &dyn Store,
    name: &Name,
    document: Document<OperationHead>,
) -> Result<Option<Operation>> {
    let Document { head, lists } = document;
    let plan = load_plan(store, name, head.plan, &lists)?;
    let listed = load_moves(store, name, &lists, List::Moves)?;
    let blockers = name.list(store, &lists, List::Blockers)?;
    let ends = name.list::<(TopicPartition, SourceOffset)>(store, &lists, List::Ends)?;
    let (Some(plan), Some(listed), Some(blockers), Some(ends)) = (plan, listed, blockers, ends)
    else {
        return Ok(None);
    };
    let moves = match head.moves {
        MovesAre::Missing => Moves::default(),
        MovesAre::Planned => Moves::clone(&plan.groups),
        MovesAre::Listed => listed,
    };
    let phase = head.phase.with(moves, blockers, ends);
    Ok(Some(Operation {
        id: name.id.clone(),
        plan: plan.into(),
        phase,
        started_at: head.started_at,
        entered_at: head.entered_at,
        retrying: head.retrying,
    }))
}

impl From<&Phase> for PhaseHead {
    fn from(phase: &Phase) -> Self {
        match phase {
            Phase::Draining {
                deadline_ms,
                rested,
                waits_for,
            } => Self::Draining {
                deadline_ms: *deadline_ms,
                has_rested: rested.is_some(),
                waits_for: waits_for.clone(),
            },
            Phase::Fixing => Self::Fixing,
            Phase::Freezing { .. } => Self::Freezing,
            Phase::Checking { .. } => Self::Checking,
            Phase::Committing { .. } => Self::Committing,
            Phase::Verifying { .. } => Self::Verifying,
            Phase::Thawing { .. } => Self::Thawing,
            Phase::Done { .. } => Self::Done,
            Phase::Stopped { at, .. } => Self::Stopped { at: *at },
        }
    }
}

fn packed(moves: &Moves) -> Packed {
    let cells = moves.iter().map(|planned| {
        let stored = StoredMove {
            source_offset: planned.source_offset,
            target_offset: planned.target_offset,
            stands_for: (planned.stands_for != planned.source_offset).then_some(planned.stands_for),
            is_inexact: !planned.exact,
            detail: planned.detail.clone(),
            unreachable_records: planned.unreachable_records,
            metadata: planned.metadata.clone(),
        };
        (&planned.group, &planned.partition, stored)
    });
    Packed::cells(cells)
}

fn load_moves(store: &dyn Store, name: &Name, lists: &Lists, list: List) -> Result<Option<Moves>> {
    let mut moves = Vec::with_capacity(lists.get(&list).map_or(0, |list| list.capacity()));
    let loaded = name.cells(
        store,
        lists,
        list,
        |group, partition, stored: StoredMove| {
            moves.push(Move {
                group: group.clone(),
                partition,
                source_offset: stored.source_offset,
                target_offset: stored.target_offset,
                stands_for: stored.stands_for.unwrap_or(stored.source_offset),
                exact: !stored.is_inexact,
                detail: stored.detail,
                unreachable_records: stored.unreachable_records,
                at_most: stored.unreachable_records > 0,
                metadata: stored.metadata,
            });
        },
    )?;
    Ok(loaded.map(|()| {
        moves.shrink_to_fit();
        moves.into()
    }))
}
