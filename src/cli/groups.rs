//! `farshore groups`: the consumer groups of a link and the state of their offsets.

use std::io::Write;

use super::answers::Group;
use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table, or_dash};
use super::{ExitCode, Failure, GroupsArgs, Output};

pub(super) fn run(
    client: &Client,
    args: &GroupsArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let answer = client.get(&["v1", "links", &args.link, "groups"])?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => write!(out, "{}", table(&understood::<Vec<Group>>(&answer)?))?,
    }
    Ok(ExitCode::Done)
}

fn table(groups: &[Group]) -> Table<8> {
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
        for partition in &group.partitions {
            table.row([
                group.group.clone(),
                partition.topic.clone(),
                partition.partition.to_string(),
                or_dash(partition.source_offset),
                or_dash(partition.target_offset),
                or_dash(
                    partition
                        .exact
                        .map(|exact| if exact { "yes" } else { "no" }),
                ),
                partition.state.clone(),
                partition.detail.clone().unwrap_or_default(),
            ]);
        }
    }
    table
}
