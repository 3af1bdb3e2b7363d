//! Resyncs a partition with an offset map: it resumes after the source record that its log's last record mirrors.

use crate::kafka::batch::Batch;
use crate::model::{DataPath, HaltCode, OffsetsMode, Reason, TargetOffset};
use crate::offsets::Explanation;
use crate::replicate::partition::phase::Trouble;

use super::compare::{self, LogComparison};
use super::input::Placed;
use super::judge::parted;
use super::rederive;
use super::view::PartitionSides;

/// Returns where a partition with an offset map resumes: where its log's last record is proven to come from.
pub(crate) async fn place(sides: &PartitionSides<'_>) -> Result<Placed, Trouble> {
    let PartitionSides { input, side, .. } = *sides;
    if input.breaks_a_wish() {
        let message =
            "it is mirrored with an offset map already, so its offsets can't be preserved";
        let reason = Reason::new(HaltCode::PreserveImpossible, message);
        return Err(Trouble::Halt(reason));
    }
    let Some(last) = &side.last else {
        return Ok(Placed::translated(sides.position_of_empty().await?));
    };
    let (runs, position) = if side.explanations.is_empty() {
        let derived = rederive::derive(
            sides.source,
            sides.target,
            input,
            &side.tail,
            last,
            sides.log_start,
        );
        let derived = derived.await?;
        (vec![derived], derived.source_end())
    } else {
        let chosen = prove(sides, last).await?;
        let position = chosen.position.max(input.record.frontier);
        (chosen.runs, position)
    };
    let origin = runs.first().map_or(position, |run| run.source);
    Ok(Placed {
        offsets: OffsetsMode::Translate,
        runs,
        position,
        next: position,
        origin,
    })
}

/// Chooses the explanation under which the last record is the same on both sides.
async fn prove(sides: &PartitionSides<'_>, last: &Batch) -> Result<Explanation, Trouble> {
    let PartitionSides { input, side, .. } = *sides;
    // A marker that fills an offset isn't an image of the source's record there.
    let is_record = !last.header().attributes.is_control();
    let mut undecided = Vec::new();
    for explanation in &side.explanations {
        let map = |target| {
            let known = || input.tracked.lock().map.last()?.to_source(target);
            let explained = explanation.source_of(sides.open_run(), target);
            explained.or_else(known).filter(|_| is_record)
        };
        match compare::compare(sides.source, &input.source, last, map).await? {
            LogComparison::Equal => return Ok(explanation.clone()),
            LogComparison::Different => {}
            LogComparison::NoCommonRecord => undecided.push(explanation),
        }
    }
    let is_certain = input.knows_all_of(side);
    if is_certain && undecided.is_empty() {
        // The map is certain, so the source no longer has what was mirrored. Where the log continues after the acknowledged
        // end, a checkpoint DB older than the mirror looks the same.
        let differs = TargetOffset(last.last_offset());
        if let Some(trouble) = parted(sides, differs).await? {
            return Err(trouble);
        }
    }
    match undecided.as_slice() {
        [only] if is_certain || side.explanations.len() == 1 => Ok((*only).clone()),
        _ if input.record.path == DataPath::Record && !is_certain => {
            let message = "the last records of the mirror partition differ from the source's at the offsets where this link was about to write them";
            let reason = Reason::new(HaltCode::ForeignWrite, message);
            Err(Trouble::Halt(reason.at(Some(input.record.frontier), input.acknowledged)))
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
