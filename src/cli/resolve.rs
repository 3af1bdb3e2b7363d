//! `farshore resolve`: applies a policy once to halted partitions.

use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, ResolveArgs};
use crate::contract::{ReleaseResult, ResolutionAnswer, ResolutionRequest};
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
    if args.dry_run {
        let partition = args.partition.map(|it| format!(" --partition {it}"));
        writeln!(
            out,
            "\nTo do it: farshore resolve --link {} --topic {}{} --with {} --hash {}",
            args.link,
            args.topic,
            partition.unwrap_or_default(),
            Policy::from(args.with),
            resolved.hash
        )?;
    }
    Ok(())
}
