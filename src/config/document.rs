//! From a TOML document to values through serde, with every mistake in it instead of the first.
//!
//! serde gives up at the first mistake. It's reported, what is mistaken is taken out of the document, and that is read
//! again: each key is optional here, so a document without it is read as far as it's good. A key that has to be there is
//! demanded later, by [`Problems::missing`].
//!
//! Doesn't: know which keys exist or what values mean.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeValue, ValueDeserializer};

use super::problem::{Problems, Span, locate};
use super::unknown::{unknown_key, unknown_value};

/// Looks up a variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The value of a document, as far as it has one; each mistake in it becomes a problem.
pub(super) fn read<T: DeserializeOwned + Default>(
    document: &DeValue<'_>,
    environment: Environment<'_>,
    problems: &Problems<'_>,
) -> T {
    let mut document = Spanned::new(0..0, document.clone());
    retain(document.get_mut(), &mut |_, value| {
        expand(value, environment, problems)
    });
    loop {
        let error = match T::deserialize(ValueDeserializer::from(document.clone())) {
            Ok(value) => return value,
            Err(error) => error,
        };
        let mistaken = error.span().unwrap_or_default();
        let found = locate(document.get_ref(), &mistaken).map(|(_, found)| found);
        problems.add(&mistaken, reworded(error.message(), found));
        let mut taken_out = false;
        retain(document.get_mut(), &mut |key, value| {
            let keep = key != Some(&mistaken) && value.span() != mistaken;
            taken_out |= !keep;
            keep
        });
        if !taken_out {
            return T::default();
        }
    }
}

/// Decides on a value with the place of its key, if it has one.
type Keep<'a, 'i> = &'a mut dyn FnMut(Option<&Span>, &mut Spanned<DeValue<'i>>) -> bool;

/// Drops the values within `value` that `keep` refuses.
fn retain<'i>(value: &mut DeValue<'i>, keep: Keep<'_, 'i>) {
    let mut kept = |key: Option<&Span>, mut value: Spanned<DeValue<'i>>| {
        retain(value.get_mut(), keep);
        keep(key, &mut value).then_some(value)
    };
    match value {
        DeValue::Table(table) => {
            *table = std::mem::take(table)
                .into_iter()
                .filter_map(|(key, value)| Some((key.clone(), kept(Some(&key.span()), value)?)))
                .collect();
        }
        DeValue::Array(array) => {
            *array = std::mem::replace(array, DeArray::new())
                .into_iter()
                .filter_map(|value| kept(None, value))
                .collect();
        }
        _ => {}
    }
}

/// Puts variables into a string; one that can't be had is a problem.
fn expand(
    value: &mut Spanned<DeValue<'_>>,
    environment: Environment<'_>,
    problems: &Problems<'_>,
) -> bool {
    let span = value.span();
    let DeValue::String(text) = value.get_mut() else {
        return true;
    };
    let expanded = problems.checked(&span, substitute(text, environment));
    let Some(expanded) = expanded else {
        return false;
    };
    *text = Cow::Owned(expanded);
    true
}

/// Replaces every `${NAME}`; what is put in is not looked at again. A `$` without a brace stands for itself, as regular
/// expressions need it.
fn substitute(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
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
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

/// What serde says about a mistake, in words for those who write the file.
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
        _ if message == "wanted string or table" => "a string",
        _ if !start.starts_with("invalid type: ") => return message.to_owned(),
        "i128" => "an integer",
        "a sequence" => "a list",
        "a map" => "a section",
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
mod tests {
    use super::*;

    #[test]
    fn replaces_variables_once_and_leaves_other_dollars() {
        let environment = |name: &str| match name {
            "HOST" => Some("kafka.example".to_owned()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        let substituted = |text| substitute(text, &environment);
        assert_eq!(substituted("${HOST}:9092").unwrap(), "kafka.example:9092");
        assert_eq!(
            substituted("a${NESTED}${HOST}b").unwrap(),
            "a${HOST}kafka.exampleb"
        );
        assert_eq!(substituted("orders$|a$b").unwrap(), "orders$|a$b");
        assert_eq!(
            substituted("${NONE}").unwrap_err(),
            "environment variable NONE is not set"
        );
        assert!(substituted("${HOST").unwrap_err().contains("closing brace"));
    }
}
