//! `farshore verifications`: lists the verifications that were ordered, or cancels one.

use std::io::Write;

use serde_json::Value;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table, or_dash};
use super::{ExitCode, Failure, Output, VerificationsArgs};
use crate::contract::{Report, VerificationSummary};
use crate::verify::{Outcome, Stage};

pub(super) fn run(
    client: &Client,
    args: &VerificationsArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match &args.cancel {
        Some(id) => cancel(client, id, output, out),
        None => list(client, args.link.as_deref(), output, out),
    }
}

fn list(
    client: &Client,
    link: Option<&str>,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if let Some(link) = link {
        // A link that doesn't exist is refused rather than shown without verifications.
        client.get(&["v1", "links", link])?;
    }
    let mut answer = client.get(&["v1", "verifications"])?;
    if let (Some(link), Value::Array(all)) = (link, &mut answer) {
        all.retain(|it| it["link"] == link);
    }
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => write!(out, "{}", table(&understood::<Vec<_>>(&answer)?))?,
    }
    Ok(ExitCode::Done)
}

/// One that had ended before can't be cancelled; it is shown as it ended.
fn cancel(
    client: &Client,
    id: &str,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let path = ["v1", "verifications", id, "cancel"];
    let answer = client.post(&path, &Value::Object(serde_json::Map::new()), None)?;
    let report: Report = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => super::verify::show(&report, out)?,
    }
    if report.verification.state == Stage::Cancelled {
        return Ok(ExitCode::Done);
    }
    let message = format!("verification {id} had ended, so there was nothing to cancel");
    Err(Failure::new(ExitCode::Refused, message))
}

fn table(all: &[VerificationSummary]) -> Table<8> {
    let mut table = Table::new([
        ("VERIFICATION", Align::Left),
        ("LINK", Align::Left),
        ("TOPICS", Align::Left),
        ("STATE", Align::Left),
        ("PARTITIONS", Align::Right),
        ("OUTCOME", Align::Left),
        ("STARTED", Align::Left),
        ("ENDED", Align::Left),
    ]);
    for it in all {
        let verification = &it.verification;
        let topics = match verification.topics.as_slice() {
            [] => "all".to_owned(),
            topics => topics.join(" "),
        };
        let state = match verification.state {
            Stage::Running => "running",
            Stage::Done => "done",
            Stage::Cancelled => "cancelled",
        };
        table.row([
            verification.id.clone(),
            verification.link.to_string(),
            topics,
            state.to_owned(),
            format!("{}/{}", it.partitions_done, it.partitions),
            or_dash(it.outcome.map(Outcome::as_str)),
            format!("{:.0}", verification.started_at),
            verification
                .ended_at
                .map_or("-".to_owned(), |at| format!("{at:.0}")),
        ]);
    }
    table
}
