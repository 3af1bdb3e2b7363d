//! Deserializes a TOML document with serde and reports all of its mistakes, not just the first.
//!
//! serde stops at the first mistake. It is reported, the invalid key or value is removed from the document, and the rest
//! is deserialized again. This requires every key to be optional for serde; [`Problems::required`] reports missing ones.
//!
//! Doesn't: know which keys exist or what values mean.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeArray, DeValue, ValueDeserializer};

use super::concealed::Expanded;
use super::problem::{Problems, Span, locate};
use super::unknown::{unknown_key, unknown_value};

/// Looks up a variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Deserializes the valid part of a document; each mistake in the rest is a problem.
pub(super) fn read<T: DeserializeOwned + Default>(
    document: &DeValue<'_>,
    environment: Environment<'_>,
    problems: &Problems<'_>,
) -> T {
    let mut document = Spanned::new(0..0, document.clone());
    // Strings with unset variables, removed last: their keys may be unknown, too.
    let mut unset = Vec::new();
    expand(
        document.get_mut(),
        environment,
        &mut |outcome: Expansion<'_>| match outcome {
            Expansion::Failed(span, message) => {
                problems.add(span, message);
                unset.push(span.clone());
            }
            Expansion::Done(expanded) => problems.conceal(expanded),
        },
    );
    loop {
        let error = match T::deserialize(ValueDeserializer::from(document.clone())) {
            Ok(value) if unset.is_empty() => return value,
            Ok(_) => {
                remove(document.get_mut(), &std::mem::take(&mut unset));
                continue;
            }
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        if !unset.contains(&span) {
            let found = locate(document.get_ref(), &span);
            let found = found.first().map(|(_, found)| *found);
            problems.add(&span, reworded(error.message(), found));
        }
        if !remove(document.get_mut(), &[span]) {
            return T::default();
        }
    }
}

/// Removes the keys and values at these places from a section or list; returns whether there were any.
fn remove(within: &mut DeValue<'_>, invalid: &[Span]) -> bool {
    let mut any = false;
    let mut remains = |key: Option<Span>, value: &mut Spanned<DeValue<'_>>| {
        let is_invalid =
            invalid.contains(&value.span()) || key.is_some_and(|key| invalid.contains(&key));
        any |= is_invalid || remove(value.get_mut(), invalid);
        !is_invalid
    };
    match within {
        DeValue::Table(table) => {
            *table = std::mem::take(table)
                .into_iter()
                .filter_map(|(key, mut value)| {
                    remains(Some(key.span()), &mut value).then_some((key, value))
                })
                .collect();
        }
        DeValue::Array(list) => {
            *list = std::mem::replace(list, DeArray::new())
                .into_iter()
                .filter_map(|mut value| remains(None, &mut value).then_some(value))
                .collect();
        }
        _ => {}
    }
    any
}

/// The outcome for a string with variables.
enum Expansion<'a> {
    Done(Expanded),
    Failed(&'a Span, String),
}

/// Replaces variables in the strings of a section or list, and reports each string that has any.
fn expand(
    within: &mut DeValue<'_>,
    environment: Environment<'_>,
    report: &mut dyn FnMut(Expansion<'_>),
) {
    let mut replace = |value: &mut Spanned<DeValue<'_>>| {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => match substitute(text, environment) {
                Ok(expanded) => {
                    *text = Cow::Owned(expanded.text.clone());
                    report(Expansion::Done(expanded));
                }
                Err(message) => report(Expansion::Failed(&span, message)),
            },
            inner => expand(inner, environment, report),
        }
    };
    match within {
        DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| replace(value)),
        DeValue::Array(list) => list.iter_mut().for_each(replace),
        _ => {}
    }
}

/// A section. Without this type serde would also accept a list of the values, in the order of the keys.
#[derive(Default)]
pub(super) struct Section<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SectionVisitor(PhantomData))
    }
}

struct SectionVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SectionVisitor<T> {
    type Value = Section<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section")
    }

    fn visit_map<A: MapAccess<'de>>(self, section: A) -> Result<Section<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(section)).map(Section)
    }
}

/// Replaces every `${NAME}`; substituted values aren't expanded again. A `$` without a brace is literal, as regular
/// expressions need it.
fn substitute(text: &str, environment: Environment<'_>) -> Result<Expanded, String> {
    let mut result = String::with_capacity(text.len());
    let mut values = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, variable) = (&rest[..start], &rest[start + 2..]);
        let Some((name, after)) = variable.split_once('}') else {
            return Err("\"${\" without its closing brace".to_owned());
        };
        let value =
            environment(name).ok_or_else(|| format!("environment variable {name} is not set"))?;
        result.push_str(before);
        result.push_str(&value);
        values.push((name.to_owned(), value));
        rest = after;
    }
    result.push_str(rest);
    Ok(Expanded {
        written: text.to_owned(),
        text: result,
        values,
    })
}

/// Rewords a message of serde in the terms of TOML files; `found` is the invalid value.
///
/// serde names unknown words and the known ones in its text only.
fn reworded(message: &str, found: Option<&DeValue<'_>>) -> String {
    let (start, expected) = message.rsplit_once(", expected ").unwrap_or_default();
    let known = || -> Vec<&str> { expected.split('`').skip(1).step_by(2).collect() };
    let word = |front: &str| Some(start.strip_prefix(front)?.trim_end_matches('`'));
    if let Some(key) = word("unknown field `") {
        return unknown_key(key, &known());
    }
    if let Some(text) = word("unknown variant `") {
        return unknown_value(text, &known());
    }
    let expected = match expected {
        _ if !start.starts_with("invalid type: ") => return message.to_owned(),
        "i128" => "an integer",
        "a sequence" => "a list",
        "a map" | "a spanned value" => "a section",
        other => other,
    };
    format!(
        "expected {expected}, found {}",
        found.map_or("something else", kind)
    )
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a bare date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

#[cfg(test)]
mod tests;
