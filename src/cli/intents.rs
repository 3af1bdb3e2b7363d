//! `farshore pause` and `farshore resume`, and the display of intents.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::json;

use super::answers::{Link, Setting};
use super::client::{Client, understood};
use super::json::write_json;
use super::{ExitCode, Failure, IntentArgs, Output};

pub(super) fn run(
    client: &Client,
    verb: &str,
    args: &IntentArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = if args.topics.is_empty() {
        json!({})
    } else {
        json!({ "topics": args.topics })
    };
    let answer = client.post(&["v1", "links", &args.link, verb], &request, None)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => {
            let link: Link = understood(&answer)?;
            writeln!(out, "link {} is {}", link.name, link.state)?;
            if let Some(detail) = &link.detail {
                writeln!(out, "{}: {detail}", link.name)?;
            }
            write!(out, "{}", told(&link))?;
        }
    }
    Ok(ExitCode::Done)
}

/// The intents set for a link and its topics, and the consequences for groups, one per line.
pub(super) fn told(link: &Link) -> String {
    let mut lines = String::new();
    let topics = link.topic_intents.iter();
    let topics = topics.map(|it| (format!("{} {}", link.name, it.topic), &it.setting));
    let all = std::iter::once((link.name.clone(), &link.intent)).chain(topics);
    for (what, setting) in all.filter(|(_, setting)| setting.set_by.is_some()) {
        // Writing to a string can't fail.
        let _ = writeln!(
            lines,
            "{what}: intent {}{}",
            setting.intent,
            origin(setting)
        );
    }
    if let Some(at) = link.group_offsets_expire_at.as_deref() {
        let when = match at {
            "unknown" => "the target doesn't report when it forgets them".to_owned(),
            at => format!("the target forgets the first at {at}"),
        };
        let what = "group offsets are not kept from expiring";
        let _ = writeln!(lines, "{}: {what}; {when}", link.name);
    }
    lines
}

fn origin(setting: &Setting) -> String {
    let by = setting.set_by.iter().map(|it| format!(", set by {it}"));
    let at = setting.set_at.iter().map(|it| format!(", at {it}"));
    let pending = setting
        .pending
        .then_some(", not in the journal yet".to_owned());
    by.chain(at).chain(pending).collect()
}
