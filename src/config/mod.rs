//! The configuration: parses and validates `farshore.toml`.
//!
//! Promises: a file is either used as a whole or refused with all of its problems at once, each with line, column and
//! key; an unknown key is a problem, so that nothing is silently ignored; every default is a constant with its reason in
//! [`defaults`].
//!
//! Doesn't: connect to anything. Whether clusters can be reached and support what a link needs is up to `farshore check`.
//!
//! Two stages: `raw` holds the file's values, `resolve` derives the settings from them.

mod conflict;
pub mod defaults;
mod environment;
mod field;
mod filter;
mod nearest;
mod policies;
mod problem;
mod raw;
mod resolve;
mod section;
mod settings;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use toml::de::DeTable;

pub use filter::{GroupFilter, TopicFilter};
pub use policies::PolicyRules;
pub use problem::{ConfigErrors, Position, Problem};
pub use settings::{
    ApiConfig, CheckpointConfig, ClusterConfig, Config, LinkConfig, LogConfig, LogFormat, LogLevel,
    LoginConfig, Naming, Otherwise, PreserveLimits, RuntimeConfig, Start, VerifyConfig,
};

use environment::Environment;
use problem::{Place, Problems};
use raw::Raw;
use section::{Context, Section};

/// Reads a configuration file; `${NAME}` in its strings is replaced from the process environment.
///
/// Errors: all problems of the file at once; then none of it may be used.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let refused = |problems| ConfigErrors::new(path, problems);
    let text = std::fs::read_to_string(path).map_err(|cause| {
        refused(vec![Problem {
            position: None,
            key: String::new(),
            message: format!("cannot be read: {cause}"),
        }])
    })?;
    parse(&text, &|name| std::env::var(name).ok()).map_err(refused)
}

fn parse(text: &str, environment: Environment<'_>) -> Result<Config, Vec<Problem>> {
    let problems = Problems::default();
    let document = match DeTable::parse(text) {
        Ok(document) => document.into_inner(),
        Err(error) => {
            let place = Place::at(error.span().map(|span| span.start));
            problems.add(&place, format!("not TOML: {}", error.message()));
            return Err(problems.into_sorted(text));
        }
    };
    let context = Context {
        problems: &problems,
        environment,
    };
    let raw = Section::read(document, Place::root(), context, Raw::read);
    let config = resolve::config(raw, &problems);
    let problems = problems.into_sorted(text);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}
