//! `farshore groups`: the consumer groups of a link and the state of their offsets.

use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table, or_dash};
use super::{ExitCode, Failure, GroupsArgs, Output};
use crate::contract::GroupAnswer;

pub(super) fn run(
    client: &Client,
    args: &GroupsArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let answer = client.get(&["v1", "links", &args.link, "groups"])?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => write!(out, "{}", table(&understood::<Vec<GroupAnswer>>(&answer)?))?,
    }
    Ok(ExitCode::Done)
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
