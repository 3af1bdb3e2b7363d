//! `farshore groups`: the consumer groups of a link and the state of their offsets.

use std::io::Write;

use jiff::Timestamp;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table, or_dash};
use super::{ExitCode, Failure, GroupsArgs, Output};
use crate::contract::{GroupAnswer, ReturnRequest, ReturnedGroup};

pub(super) fn run(
    client: &Client,
    args: &GroupsArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if !args.give_back.is_empty() {
        return give_back(client, args, output, out);
    }
    let answer = client.get(&["v1", "links", &args.link, "groups"])?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => {
            let groups: Vec<GroupAnswer> = understood(&answer)?;
            write!(out, "{}", table(&groups))?;
            if let Some(line) = unread(&groups) {
                writeln!(out, "\n{line}")?;
            }
        }
    }
    Ok(ExitCode::Done)
}

/// Gives groups back to group sync. If none of the moved ones matches, that is refused.
fn give_back(
    client: &Client,
    args: &GroupsArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = ReturnRequest {
        groups: args.give_back.clone(),
    };
    let path = ["v1", "links", &args.link, "groups", "return"];
    let answer = client.post(&path, &request, None)?;
    let returned: Vec<ReturnedGroup> = understood(&answer)?;
    if output == Output::Json {
        write_json(out, &answer)?;
    } else {
        for ReturnedGroup { group, moved_by } in &returned {
            writeln!(
                out,
                "group {group}, moved by {moved_by}, is carried over again"
            )?;
        }
    }
    if returned.is_empty() {
        let message = "no group that was moved matches";
        return Err(Failure::new(ExitCode::Refused, message));
    }
    Ok(ExitCode::Done)
}

/// What is shown while the groups of the source can't be read.
fn unread(groups: &[GroupAnswer]) -> Option<String> {
    let first = groups.iter().find(|group| group.source_failure.is_some())?;
    let why = first.source_failure.as_deref().unwrap_or_default();
    let told = |at: Option<Timestamp>| at.map_or("unknown".to_owned(), |at| format!("{at:.0}"));
    let on_target = groups.iter().filter_map(|group| group.status.target_as_of);
    Some(format!(
        "The groups of the source can't be read ({why}). Source offsets are as of {}, target offsets as of {}.",
        told(first.as_of),
        told(on_target.min())
    ))
}

fn table(groups: &[GroupAnswer]) -> Table<8> {
    let mut table = Table::new([
        ("GROUP", Align::Left),
        ("TOPIC", Align::Left),
        ("P", Align::Right),
        ("SOURCE OFFSET", Align::Right),
        ("TARGET OFFSET", Align::Right),
        ("EXACT", Align::Left),
        ("STATE", Align::Left),
        ("", Align::Left),
    ]);
    for group in groups {
        for offset in &group.status.partitions {
            table.row([
                group.group.to_string(),
                offset.partition.topic.to_string(),
                offset.partition.partition.to_string(),
                or_dash(offset.source_offset),
                or_dash(offset.target_offset),
                if offset.exact { "yes" } else { "no" }.to_owned(),
                offset.state.to_string(),
                offset.detail.clone().unwrap_or_default(),
            ]);
        }
    }
    table
}
