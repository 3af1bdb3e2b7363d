//! `farshore plan`: what a move would do, what would be lost, and what blocks it.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::SignedDuration;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, PlanArgs};
use crate::contract::{Plan, PlanRequest};
use crate::failover::plan::{Move, MoveKind};

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
        topics: BTreeSet::new(),
        allow_loss: None,
    };
    let answer = client.post(&["v1", "plans"], &request, None)?;
    let plan: Plan = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(&plan, out)?,
    }
    Ok(if plan.blockers.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Refused
    })
}

fn show(plan: &Plan, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "plan {}, valid until {}\n", plan.id, plan.expires_at)?;
    for (number, step) in plan.steps.iter().enumerate() {
        writeln!(out, "{:>2}. {}: {}", number + 1, step.name, step.what)?;
    }
    write!(out, "\n{}", moves(plan))?;
    if plan.kind == MoveKind::Failover {
        writeln!(out, "\n{}", last_known(plan))?;
    }
    for warning in &plan.warnings {
        writeln!(out, "\nwarning: {warning}")?;
    }
    for blocker in &plan.blockers {
        writeln!(out, "\nblocked: {blocker}")?;
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

/// How many records never reached the target.
fn unreachable(planned: &Move) -> String {
    let at_most = if planned.at_most { "at most " } else { "" };
    format!("{at_most}{}", planned.unreachable_records)
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
            unreachable(planned),
            planned.detail.clone().unwrap_or_default(),
        ]);
    }
    table
}
