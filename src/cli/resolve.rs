//! `farshore resolve`: applies a policy once to halted partitions.

use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, ResolveArgs};
use crate::contract::{Recreation, ReleaseResult, ResolutionAnswer, ResolutionRequest};
use crate::model::Policy;

pub(super) fn run(
    client: &Client,
    args: &ResolveArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = ResolutionRequest {
        topic: args.topic.as_str().into(),
        partition: args.partition,
        with: args.with.into(),
        dry_run: args.dry_run,
        hash: args.hash.clone(),
        discard: args.discard,
    };
    let path = ["v1", "links", &args.link, "resolve"];
    let answer = client.post(&path, &request, None)?;
    let resolved: ResolutionAnswer = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(args, &resolved, out)?,
    }
    let mut results = resolved.partitions.iter().map(|it| it.result);
    Ok(if results.any(|it| it == ReleaseResult::Refused) {
        ExitCode::Refused
    } else {
        ExitCode::Done
    })
}

fn show(
    args: &ResolveArgs,
    resolved: &ResolutionAnswer,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut table = Table::new([
        ("TOPIC", Align::Left),
        ("P", Align::Right),
        ("REASON", Align::Left),
        ("RESULT", Align::Left),
        ("", Align::Left),
    ]);
    for released in &resolved.partitions {
        let text = match (&released.outcome, &released.detail) {
            (Some(outcome), _) => format!(
                "goes on with source offset {} at target offset {}",
                outcome.source_offset, outcome.target_offset
            ),
            (None, Some(detail)) if released.result == ReleaseResult::Planned => {
                format!("{}; {detail}", released.reason.message)
            }
            (None, Some(detail)) => detail.clone(),
            (None, None) => released.reason.message.clone(),
        };
        table.row([
            released.topic.to_string(),
            released.partition.to_string(),
            released.reason.code.to_string(),
            released.result.to_string(),
            text,
        ]);
    }
    write!(out, "{table}")?;
    if let Some(recreates) = &resolved.recreates {
        show_recreation(recreates, out)?;
    }
    if args.dry_run {
        let partition = args.partition.map(|it| format!(" --partition {it}"));
        let held = resolved.recreates.as_ref().map(|it| it.inventory.total);
        let discard = held.filter(|it| it.only_there > 0);
        let discard = discard.map(|it| format!(" --discard {}", it.only_there));
        writeln!(
            out,
            "\nTo do it: farshore resolve --link {} --topic {}{} --with {} --hash {}{}",
            args.link,
            args.topic,
            partition.unwrap_or_default(),
            Policy::from(args.with),
            resolved.hash,
            discard.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// Shows what is deleted and created anew.
fn show_recreation(recreates: &Recreation, out: &mut dyn Write) -> Result<(), Failure> {
    let Recreation {
        mirror_topic,
        inventory,
        groups,
    } = recreates;
    if !inventory.exists {
        writeln!(
            out,
            "\nMirror topic {mirror_topic} is gone; it is created anew."
        )?;
        return Ok(());
    }
    let total = inventory.total;
    let lost = total.described();
    let lost = lost.unwrap_or_else(|| "all of them copies of what the source still has".to_owned());
    writeln!(
        out,
        "\nMirror topic {mirror_topic} is deleted with {} records and created anew: {lost}.",
        total.records
    )?;
    let mut table = Table::new([
        ("P", Align::Right),
        ("LOG START", Align::Right),
        ("END", Align::Right),
        ("RECORDS", Align::Right),
        ("ONLY THERE", Align::Right),
        ("OF OTHERS", Align::Right),
    ]);
    for it in &inventory.partitions {
        table.row([
            it.partition.to_string(),
            it.log_start.to_string(),
            it.end.to_string(),
            it.held.records.to_string(),
            it.held.only_there.to_string(),
            it.held.of_others.to_string(),
        ]);
    }
    write!(out, "{table}")?;
    if !groups.is_empty() {
        writeln!(
            out,
            "\nCommitted offsets of groups that are deleted with it:"
        )?;
    }
    for group in groups {
        let anew = match group.lost {
            0 => "carried over anew".to_owned(),
            lost => format!("{lost} of them were committed on the target and are lost"),
        };
        writeln!(out, "  {}: {} offsets, {anew}", group.group, group.offsets)?;
    }
    Ok(())
}
