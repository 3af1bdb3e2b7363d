//! The settings of mirror topics that a link leaves alone (`config_exclude`).

use std::collections::BTreeSet;

use toml::Spanned;

use crate::model::{TOPIC_SETTINGS, TopicSetting, mirrored_settings};

use super::expression::Expression;
use super::problem::Problems;

/// Settings of mirror topics that are left alone, by expressions that match their whole names.
#[derive(Debug, Clone, Default)]
pub struct ExcludedSettings(Vec<Expression>);

impl ExcludedSettings {
    /// Compiles the expressions. An invalid one, and one that matches a setting without which a mirror can't be exact, is
    /// reported as a problem.
    pub(super) fn of(written: &[Spanned<String>], problems: &Problems<'_>) -> Self {
        let compiled = Expression::all(written, problems);
        for expression in &compiled {
            if let Some(message) = refused(expression.get_ref()) {
                problems.add(&expression.span(), message);
            }
        }
        Self(compiled.into_iter().map(Spanned::into_inner).collect())
    }

    /// The first expression that matches a setting, as written.
    pub fn expression(&self, setting: &str) -> Option<&str> {
        let mut matching = self.0.iter().filter(|it| it.matches(setting));
        matching.next().map(|it| &**it.written())
    }

    /// The settings that would be mirrored and are left alone.
    pub fn left_alone(&self) -> BTreeSet<&'static str> {
        let names = mirrored_settings().map(|it| it.name);
        names.filter(|it| self.expression(it).is_some()).collect()
    }
}

/// Why settings that an expression matches can't be left alone, if there are any.
fn refused(expression: &Expression) -> Option<String> {
    let needed = |it: &&TopicSetting| !it.rule.is_optional() && expression.matches(it.name);
    let mut needed = TOPIC_SETTINGS.iter().filter(needed);
    let first = needed.next()?;
    let others: Vec<&str> = needed.map(|it| it.name).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; the same goes for {}", others.join(", ")),
    };
    let (written, TopicSetting { name, why, .. }) = (expression.written(), first);
    Some(format!(
        "{written:?} matches {name}, which can't be left alone, because a mirror isn't exact without it: {why}{others}"
    ))
}

#[cfg(test)]
mod tests;
