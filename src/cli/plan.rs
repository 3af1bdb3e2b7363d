//! `farshore plan`: what a move would do, what would be lost, and what blocks it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::SignedDuration;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, PlanArgs};
use crate::contract::{AllowLoss, Plan, PlanRequest};
use crate::failover::plan::{Move, MoveKind};
use crate::failover::states::PhaseName;
use crate::model::GroupId;

pub(super) fn run(
    client: &Client,
    args: &PlanArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = PlanRequest {
        kind: args.kind.into(),
        link: args.link.as_str().into(),
        groups: (!args.groups.is_empty()).then(|| args.groups.clone()),
        groups_exclude: args.groups_exclude.clone(),
        topics: BTreeSet::new(),
        allow_loss: args.allow_loss.map(AllowLoss::UpTo),
    };
    let answer = client.post(&["v1", "plans"], &request, None)?;
    let plan: Plan = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(&plan, args.wide, out)?,
    }
    Ok(if plan.blockers.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Refused
    })
}

fn show(plan: &Plan, wide: bool, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "plan {}: {} of link {}, valid until {:.0}",
        plan.id, plan.kind, plan.link, plan.expires_at
    )?;
    for blocker in &plan.blockers {
        writeln!(out, "\nblocked: {blocker}")?;
    }
    writeln!(out, "\n{}", summary(plan))?;
    if wide {
        write!(out, "\n{}", moves(plan))?;
    } else {
        write!(out, "\n{}", groups(plan))?;
    }
    writeln!(out)?;
    for (number, step) in (1..).zip(&plan.steps) {
        writeln!(out, "{number:>2}. {}: {}", step.name, step.what)?;
    }
    for warning in &plan.warnings {
        writeln!(out, "\nwarning: {warning}")?;
    }
    if plan.blockers.is_empty() {
        writeln!(
            out,
            "\nTo execute it: farshore apply {} --hash {}",
            plan.id, plan.hash
        )?;
    }
    Ok(())
}

/// What would be moved, how exactly, what would be lost, and until when it can be called off.
fn summary(plan: &Plan) -> String {
    let groups: BTreeSet<_> = plan.groups.iter().map(|it| &it.group).collect();
    let topics: BTreeSet<_> = plan.groups.iter().map(|it| &it.partition.topic).collect();
    let exact = plan.groups.iter().filter(|it| it.exact).count();
    let mut lines = vec![format!(
        "{} in {}: {}, {exact} of them exact.",
        counted(groups.len(), "group"),
        counted(topics.len(), "topic"),
        counted(plan.groups.len(), "offset"),
    )];
    if plan.kind == MoveKind::Failover {
        lines.push(at_risk(plan));
        lines.push(last_known(plan));
    }
    let mut steps = (1..).zip(&plan.steps);
    if let Some((number, _)) = steps.find(|(_, step)| step.name == COMMITTING) {
        lines.push(format!(
            "It can be called off (farshore cancel {}) until step {number}, {COMMITTING}: the point of no return.",
            plan.id
        ));
    }
    lines.join("\n")
}

/// The name of the step from which on nothing is taken back.
const COMMITTING: &str = PhaseName::Committing.as_str();

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// What a failover would lose, as far as it is known.
fn at_risk(plan: &Plan) -> String {
    let risk = plan.at_risk;
    let records = match risk.and_then(|risk| risk.records) {
        Some(0) => "No record is known to be missing on the target".to_owned(),
        Some(number) => format!("At most {number} records never reached the target"),
        None => "How many records never reached the target isn't known".to_owned(),
    };
    match risk.and_then(|risk| risk.ms) {
        Some(ms) => format!(
            "{records}; what the source acknowledged in the {ms} ms before this plan may be missing, too."
        ),
        None => format!("{records}; since when records may be missing isn't known."),
    }
}

/// The sums of each group.
fn groups(plan: &Plan) -> Table<6> {
    let mut table = Table::new([
        ("GROUP", Align::Left),
        ("TOPICS", Align::Right),
        ("OFFSETS", Align::Right),
        ("EXACT", Align::Right),
        ("UNREACHABLE", Align::Right),
        ("", Align::Left),
    ]);
    let mut groups: BTreeMap<&GroupId, Vec<&Move>> = BTreeMap::new();
    for planned in plan.groups.iter() {
        groups.entry(&planned.group).or_default().push(planned);
    }
    for (group, moves) in groups {
        let topics: BTreeSet<_> = moves.iter().map(|it| &it.partition.topic).collect();
        let unreachable: i64 = moves.iter().map(|it| it.unreachable_records).sum();
        let at_most = moves.iter().any(|it| it.at_most);
        let first = moves
            .iter()
            .find_map(|it| it.detail.as_ref().map(|why| (it, why)));
        let first = first.map(|(it, why)| format!("{}: {why}", it.partition));
        table.row([
            group.to_string(),
            topics.len().to_string(),
            moves.len().to_string(),
            moves.iter().filter(|it| it.exact).count().to_string(),
            records(unreachable, at_most),
            first.unwrap_or_default(),
        ]);
    }
    table
}

/// A number of records that never reached the target.
fn records(number: i64, at_most: bool) -> String {
    let at_most = if at_most { "at most " } else { "" };
    format!("{at_most}{number}")
}

/// When a failover's plan last knew the source.
fn last_known(plan: &Plan) -> String {
    let Some(as_of) = plan.offsets_as_of else {
        return "The groups of the source were never read.".to_owned();
    };
    let age = SignedDuration::from_secs(plan.created_at.duration_since(as_of).as_secs());
    format!(
        "The source's offsets are those of {as_of:.0}, {age:#} before this plan: what changed there later is unknown."
    )
}

fn moves(plan: &Plan) -> Table<8> {
    let mut table = Table::new([
        ("GROUP", Align::Left),
        ("TOPIC", Align::Left),
        ("P", Align::Right),
        ("SOURCE OFFSET", Align::Right),
        ("TARGET OFFSET", Align::Right),
        ("EXACT", Align::Left),
        ("UNREACHABLE", Align::Right),
        ("", Align::Left),
    ]);
    for planned in plan.groups.iter() {
        table.row([
            planned.group.to_string(),
            planned.partition.topic.to_string(),
            planned.partition.partition.to_string(),
            planned.source_offset.to_string(),
            planned.target_offset.to_string(),
            if planned.exact { "yes" } else { "no" }.to_owned(),
            records(planned.unreachable_records, planned.at_most),
            planned.detail.clone().unwrap_or_default(),
        ]);
    }
    table
}
