//! The settings of a topic, as `farshore explain` shows them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::table::{Align, Table};
use crate::contract::{SettingAnswer, SettingLikeness, Treatment};

/// A value that isn't known.
const UNKNOWN: &str = "-";

/// A line per setting that the link mirrors or sets, and one for each reason why others aren't mirrored.
pub(super) fn settings(all: &[SettingAnswer]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        ("  setting", Align::Left),
        ("source", Align::Left),
        ("mirror", Align::Left),
        ("", Align::Left),
    ]);
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in all {
        if it.treatment == Treatment::NotMirrored {
            others.entry(&it.why).or_default().push(&it.name);
            continue;
        }
        let value = |value: &Option<String>| value.clone().unwrap_or(UNKNOWN.to_owned());
        let name = format!("  {}", it.name);
        table.row([name, value(&it.source), value(&it.mirror), words(it)]);
    }
    let mut lines = table.to_string();
    for (why, names) in others {
        let _ = writeln!(lines, "  not mirrored, {why}: {}", names.join(", "));
    }
    lines
}

/// What is done with a setting, and why.
fn words(it: &SettingAnswer) -> String {
    let done = match it.treatment {
        Treatment::Set => "set by farshore".to_owned(),
        Treatment::Mirrored => "mirrored".to_owned(),
        Treatment::AtLeast => "at least the source's".to_owned(),
        Treatment::Excluded => {
            let expression = it.expression.as_deref().unwrap_or_default();
            return format!("left alone: {expression:?} in config_exclude matches");
        }
        Treatment::NotMirrored => "not mirrored".to_owned(),
    };
    let found = match it.likeness {
        Some(SettingLikeness::Differs) => ", differs on purpose",
        Some(SettingLikeness::Changes) => ", going to be changed",
        Some(SettingLikeness::Same) | None => "",
    };
    format!("{done}{found}: {}", it.why)
}
