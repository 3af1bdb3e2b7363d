//! The configuration: parses and validates `farshore.toml`.
//!
//! Promises: a file is either used as a whole or refused with all of its problems at once, each with line, column and
//! key; an unknown key is a problem, so that nothing is silently ignored; every default is a constant with its reason in
//! [`defaults`].
//!
//! Doesn't: connect to anything. Whether clusters can be reached and support what a link needs is up to `farshore check`.
//!
//! Two stages: `document` reads the values of the file into the sections of `resolve`, which derives the settings from
//! them.

mod address_overlap;
mod api;
pub(crate) mod circle;
mod concealed;
mod conflict;
pub mod defaults;
mod document;
mod excluded_settings;
mod expression;
mod filter;
mod login;
mod overlap;
mod policies;
mod problem;
mod resolve;
mod rounds;
mod rule;
mod settings;
#[cfg(test)]
mod tests;
mod unknown;
mod values;

use std::path::Path;

use toml::de::{DeTable, DeValue};

pub use api::{ApiConfig, OpenPart};
pub use excluded_settings::ExcludedSettings;
pub use expression::NamePattern;
pub use filter::{GroupFilter, IdleExpression, Namesake, TopicFilter};
pub use login::LoginConfig;
pub use policies::{AclRules, Otherwise, PolicyRules, PreserveLimits};
pub use problem::{ConfigErrors, Position, Problem};
pub use rule::{NameRule, RuleKind};
pub use settings::{
    CheckpointConfig, ClusterConfig, Config, LinkConfig, LogConfig, LogFormat, LogLevel,
    MirroredSources, Naming, RuntimeConfig, Start, VerifyConfig,
};

pub(crate) use unknown::suggestion;

use crate::files;

use document::Environment;
use problem::Problems;

/// The size limit of a configuration file, in bytes: thousands of links.
const LONGEST: u64 = 16 << 20;

/// Reads a configuration file; `${NAME}` in its strings is replaced from the process environment.
///
/// Errors: all problems of the file at once; then none of it may be used.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let refused = |problems| ConfigErrors::new(path, problems);
    let text = files::text(path, LONGEST).map_err(|cause| {
        refused(vec![Problem {
            position: None,
            key: String::new(),
            message: format!("cannot be read: {cause}"),
        }])
    })?;
    parse(&text, &|name| std::env::var(name).ok()).map_err(refused)
}

fn parse(text: &str, environment: Environment<'_>) -> Result<Config, Vec<Problem>> {
    let document = DeTable::parse(text).map_err(|error| {
        vec![Problem {
            position: error.span().map(|span| Position::of(text, span.start)),
            key: String::new(),
            message: format!("not TOML: {}", error.message()),
        }]
    })?;
    let document = DeValue::Table(document.into_inner());
    let problems = Problems::new(text, &document);
    let raw = document::read(&document, environment, &problems);
    let mut config = resolve::config(raw, &problems);
    config.warnings = problems.take_warnings();
    let problems = problems.into_sorted();
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}
