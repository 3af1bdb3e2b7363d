//! `farshore translate`: translates an offset to the other side.

use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::{ExitCode, Failure, Output, TranslateArgs};
use crate::contract::{Translation, TranslationRequest};

pub(super) fn run(
    client: &Client,
    args: &TranslateArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = TranslationRequest {
        link: args.link.as_str().into(),
        topic: Some(args.topic.as_str().into()),
        partition: Some(args.partition),
        offset: Some(args.offset),
        reverse: args.reverse.then_some(true),
        items: None,
    };
    let answer = client.post(&["v1", "translate"], &request, None)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => {
            let found: Translation = understood(&answer)?;
            let exact = if found.exact { "exact" } else { "not exact" };
            writeln!(out, "source offset {}", found.source_offset)?;
            writeln!(out, "target offset {}", found.target_offset)?;
            match found.reason {
                Some(reason) => writeln!(out, "{exact}: {reason}")?,
                None => writeln!(out, "{exact}")?,
            }
        }
    }
    Ok(ExitCode::Done)
}
