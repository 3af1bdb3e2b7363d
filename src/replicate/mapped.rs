//! Settles a partition with an offset map: it goes on behind the source record that its log's last record is.

use crate::kafka::batch::Batch;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{DataPath, HaltCode, OffsetsMode, Reason, Run, SourceOffset, TargetOffset};

use super::judging::truncation;
use super::likeness::{self, Likeness};
use super::parting;
use super::rederive;
use super::resume::Explanation;
use super::settle::{Placed, Question, TargetSide, Trouble, position_of_empty};

/// Where to go on with an offset map: where the log's last record is proven to come from.
pub(crate) async fn place(
    source: &Cluster,
    target: &Cluster,
    question: &Question,
    side: &TargetSide,
    leader: &Leader,
    log_start: SourceOffset,
) -> Result<Placed, Trouble> {
    if question.breaks_a_wish() {
        let message =
            "it is mirrored with an offset map already, so its offsets can't be preserved";
        let reason = Reason::new(HaltCode::PreserveImpossible, message);
        return Err(Trouble::Halt(reason));
    }
    let Some(last) = &side.last else {
        let position = position_of_empty(source, question, side, leader, log_start).await?;
        return Ok(Placed::translated(position));
    };
    let (runs, position) = if side.explanations.is_empty() {
        let derived =
            rederive::derive(source, target, question, &side.tail, last, log_start).await?;
        (vec![derived], derived.source_end())
    } else {
        let chosen = prove(source, target, question, side, last).await?;
        let position = chosen.position.max(question.record.frontier);
        (chosen.runs, position)
    };
    let origin = runs.first().map_or(position, |run| run.source);
    Ok(Placed {
        offsets: OffsetsMode::Translate,
        runs,
        position,
        origin,
    })
}

/// Chooses the explanation whose last record is the same on both sides.
async fn prove(
    source: &Cluster,
    target: &Cluster,
    question: &Question,
    side: &TargetSide,
    last: &Batch,
) -> Result<Explanation, Trouble> {
    let mut undecided = Vec::new();
    for explanation in &side.explanations {
        let map = |target| {
            let last_run = open_ended(question.last_run, side.tail.filled);
            let known = || question.tracked.lock().map.last()?.to_source(target);
            explanation.source_of(last_run, target).or_else(known)
        };
        match likeness::compare(source, &question.source, last, map).await? {
            Likeness::Same => return Ok(explanation.clone()),
            Likeness::Different => {}
            Likeness::Unknown => undecided.push(explanation),
        }
    }
    let nothing_new = question.acknowledged >= Some(side.tail.filled);
    if nothing_new && undecided.is_empty() {
        // The map is certain, so it is the source that no longer has what was mirrored.
        let parting = parting::by_content(source, target, question, side).await?;
        if let Some(reason) = parting {
            return Err(truncation(question, side, reason));
        }
    }
    match undecided.as_slice() {
        [only] if nothing_new || side.explanations.len() == 1 => Ok((*only).clone()),
        _ if question.record.path == DataPath::Record && !nothing_new => {
            let message = "the last records of the mirror partition are not the source's at the offsets where this link was about to write them";
            let reason = Reason::new(HaltCode::ForeignWrite, message);
            Err(Trouble::Halt(reason.at(Some(question.record.frontier), question.acknowledged)))
        }
        _ => Err(Trouble::Halt(
            Reason::new(
                HaltCode::MapUnknown,
                "the last record of the mirror partition is not the source's record at the mapped offset",
            )
            .at(side.explanations.first().map(|it| it.position.plus(-1)), Some(side.tail.end.plus(-1))),
        )),
    }
}

/// The last run reaches up to the end as long as no later one is known.
fn open_ended(run: Option<Run>, end: TargetOffset) -> Option<Run> {
    run.map(|run| Run {
        length: run.length.max(end.since(run.target)),
        ..run
    })
}
