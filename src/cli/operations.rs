//! `farshore operations` and `farshore cancel`: what was executed and is, and calling it off.

use std::io::Write;

use serde_json::Value;

use super::apply::{exit_code, to_the_end};
use super::client::{Client, understood};
use super::follow::Interrupt;
use super::json::write_json;
use super::table::{Align, Table};
use super::{CancelArgs, ExitCode, Failure, OperationsArgs, Output};
use crate::contract::{Blocker, OperationSummary};
use crate::failover::plan::BlockerCode;

pub(super) fn run(
    client: &Client,
    args: &OperationsArgs,
    output: Output,
    out: &mut dyn Write,
    interrupt: Interrupt,
) -> Result<ExitCode, Failure> {
    if let Some(id) = &args.operation {
        // One that doesn't exist can't be followed.
        client.get(&["v1", "operations", id])?;
        let operation = to_the_end(client, id, output, out, interrupt)?;
        return Ok(exit_code(&operation));
    }
    if let Some(link) = &args.link {
        // A link that doesn't exist is refused rather than shown without operations.
        client.get(&["v1", "links", link])?;
    }
    let mut answer = client.get(&["v1", "operations"])?;
    if let (Some(link), Value::Array(all)) = (&args.link, &mut answer) {
        all.retain(|it| it["link"] == link.as_str());
    }
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => write!(out, "{}", table(&understood::<Vec<_>>(&answer)?))?,
    }
    Ok(ExitCode::Done)
}

/// Calls an operation off, and follows it until its groups are given back. One that has ended or has begun to commit is
/// refused.
pub(super) fn cancel(
    client: &Client,
    args: &CancelArgs,
    output: Output,
    out: &mut dyn Write,
    interrupt: Interrupt,
) -> Result<ExitCode, Failure> {
    let id = &args.operation;
    let path = ["v1", "operations", id, "cancel"];
    client.post(&path, &Value::Object(serde_json::Map::new()), None)?;
    let operation = to_the_end(client, id, output, out, interrupt)?;
    let is_order = |blocker: &Blocker| blocker.code == BlockerCode::Cancelled;
    Ok(if operation.blockers.iter().all(is_order) {
        ExitCode::Done
    } else {
        ExitCode::Failed
    })
}

fn table(all: &[OperationSummary]) -> Table<7> {
    let mut table = Table::new([
        ("OPERATION", Align::Left),
        ("LINK", Align::Left),
        ("KIND", Align::Left),
        ("PHASE", Align::Left),
        ("STARTED", Align::Left),
        ("SINCE", Align::Left),
        ("", Align::Left),
    ]);
    for it in all {
        let phase = it
            .at
            .map_or(it.phase.to_string(), |at| format!("{} at {at}", it.phase));
        let waits = it.waits_for.first().map(|what| format!("waits for {what}"));
        let more = it.waits_for.len().saturating_sub(1);
        let waits = waits.map(|what| match more {
            0 => what,
            more => format!("{what}, and {more} more"),
        });
        table.row([
            it.id.clone(),
            it.link.to_string(),
            it.kind.to_string(),
            phase,
            format!("{:.0}", it.started_at),
            format!("{:.0}", it.entered_at),
            it.retrying.clone().or(waits).unwrap_or_default(),
        ]);
    }
    table
}
