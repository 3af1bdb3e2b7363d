//! `farshore resolve`: applies a policy once to halted partitions.

use std::io::Write;

use serde_json::json;

use super::answers::Resolved;
use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, ResolveArgs};

pub(super) fn run(
    client: &Client,
    args: &ResolveArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let mut request = json!({ "topic": args.topic, "with": args.with.as_str() });
    if let Some(partition) = args.partition {
        request["partition"] = json!(partition);
    }
    if args.dry_run {
        request["dry_run"] = json!(true);
    }
    if let Some(hash) = &args.hash {
        request["hash"] = json!(hash);
    }
    let path = ["v1", "links", &args.link, "resolve"];
    let answer = client.post(&path, &request, None)?;
    let resolved: Resolved = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(args, &resolved, out)?,
    }
    let is_refused = |result: &str| result == "refused";
    let refused = resolved.partitions.iter().any(|it| is_refused(&it.result));
    Ok(if refused {
        ExitCode::Refused
    } else {
        ExitCode::Done
    })
}

fn show(args: &ResolveArgs, resolved: &Resolved, out: &mut dyn Write) -> Result<(), Failure> {
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
            released.topic.clone(),
            released.partition.to_string(),
            released.reason.code.to_string(),
            released.result.clone(),
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
            args.with.as_str(),
            resolved.hash
        )?;
    }
    Ok(())
}
