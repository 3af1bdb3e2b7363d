use std::fmt::Write;

use super::*;
use crate::config::tests::{LINK, parse_with_clusters};
use crate::files::testing::document_has;
use crate::model::SettingRule;

const DOCUMENT: &str = "docs/topic-settings.md";
const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- end of settings -->";

fn excluded(expressions: &str) -> ExcludedSettings {
    let config = parse_with_clusters(&format!("{LINK}config_exclude = [{expressions}]\n"));
    config.unwrap().links.remove(0).excluded_settings
}

#[test]
fn only_settings_that_would_be_mirrored_are_left_alone() {
    assert_eq!(excluded("").left_alone(), BTreeSet::new());
    let some = excluded(r#""delete\\.retention\\..*", "segment\\..*", "unknown""#);
    assert_eq!(some.left_alone(), ["delete.retention.ms"].into());
    assert_eq!(some.expression("segment.ms"), Some(r"segment\..*"));
    assert_eq!(some.expression("retention.ms"), None);
    let lags = excluded(r#"".*\\.compaction\\.lag\\.ms""#);
    assert_eq!(
        lags.left_alone(),
        ["max.compaction.lag.ms", "min.compaction.lag.ms"].into()
    );
}

/// Each setting is either left alone or refused, and the refusal names it.
#[test]
fn every_setting_can_be_excluded_unless_exactness_needs_it() {
    for TopicSetting { name, rule, .. } in TOPIC_SETTINGS {
        let literal = Expression::new(&regex::escape(name)).unwrap();
        let found = refused(&literal);
        assert_eq!(found.is_none(), rule.is_optional(), "{name}");
        assert!(found.is_none_or(|it| it.contains(&format!(" matches {name}, "))));
    }
}

#[test]
fn the_table_is_sorted_and_names_each_setting_once() {
    for mirrored in [true, false] {
        let part = TOPIC_SETTINGS.iter();
        let part = part.filter(|it| it.rule.is_mirrored() == mirrored);
        let names: Vec<&str> = part.map(|it| it.name).collect();
        assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
    }
}

fn table() -> String {
    let mut rows =
        "| setting | on the mirror | `config_exclude` | why |\n|---|---|---|---|\n".to_owned();
    for TopicSetting { name, rule, why } in TOPIC_SETTINGS {
        let on_mirror = match rule {
            SettingRule::Set(value) => format!("farshore sets `{value}`"),
            SettingRule::SameList => "mirrored".to_owned(),
            SettingRule::AtLeast(_) => "mirrored: at least the source's".to_owned(),
            SettingRule::NotMirrored => "not mirrored".to_owned(),
        };
        let can_exclude = match (rule.is_optional(), rule.is_mirrored()) {
            (true, true) => "yes",
            (false, _) => "refused",
            (true, false) => "no effect",
        };
        let _ = writeln!(rows, "| `{name}` | {on_mirror} | {can_exclude} | {why} |");
    }
    rows
}

/// `FARSHORE_RENEW=1` writes it.
#[test]
fn the_document_has_this_table() {
    document_has(DOCUMENT, (BEGIN, END), &table());
}
