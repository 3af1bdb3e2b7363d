//! `farshore pause` and `farshore resume`, and the display of intents.

use std::fmt::Write as _;
use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::{ExitCode, Failure, IntentArgs, Output};
use crate::contract::{Expiry, IntentAnswer, LinkAnswer, ScopeRequest};

pub(super) fn run(
    client: &Client,
    verb: &str,
    args: &IntentArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = ScopeRequest {
        topics: (!args.topics.is_empty()).then(|| args.topics.clone()),
    };
    let answer = client.post(&["v1", "links", &args.link, verb], &request, None)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => {
            let link: LinkAnswer = understood(&answer)?;
            writeln!(out, "link {} is {}", link.name, link.state.as_str())?;
            if let Some(detail) = &link.detail {
                writeln!(out, "{}: {detail}", link.name)?;
            }
            write!(out, "{}", told(&link))?;
        }
    }
    Ok(ExitCode::Done)
}

/// The intents set for a link and its topics, and the consequences for groups, one per line.
pub(super) fn told(link: &LinkAnswer) -> String {
    let mut lines = String::new();
    let topics = link.topic_intents.iter();
    let topics = topics.map(|it| (format!("{} {}", link.name, it.topic), &it.intent));
    let all = std::iter::once((link.name.to_string(), &link.intent)).chain(topics);
    for (what, setting) in all.filter(|(_, setting)| setting.set_by.is_some()) {
        // Writing to a string can't fail.
        let _ = writeln!(
            lines,
            "{what}: intent {}{}",
            setting.intent,
            origin(setting)
        );
    }
    if let Some(at) = link.group_offsets_expire_at {
        let when = match at {
            Expiry::Unknown => "the target doesn't report when it forgets them".to_owned(),
            Expiry::At(at) => format!("the target forgets the first at {at}"),
        };
        let what = "group offsets are not kept from expiring";
        let _ = writeln!(lines, "{}: {what}; {when}", link.name);
    }
    lines
}

fn origin(setting: &IntentAnswer) -> String {
    let by = setting.set_by.iter().map(|it| format!(", set by {it}"));
    let at = setting.set_at.iter().map(|it| format!(", at {it}"));
    let pending = setting
        .pending
        .then_some(", not in the journal yet".to_owned());
    by.chain(at).chain(pending).collect()
}
