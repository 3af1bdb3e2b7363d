//! The notations of single values: durations, sizes, numbers within limits, addresses, names.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::de::value::{self, StringDeserializer};
use serde::de::{DeserializeOwned, Error, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::kafka::client::HostPort;
use crate::model::{DataPath, TopicName};

use super::problem::Problems;
use super::unknown::unknown_value;

/// The notation of a value for which TOML has no type.
pub(super) trait Notation {
    /// The TOML type in which it is written.
    type Written: DeserializeOwned;
    type Value;

    /// Refuses an invalid value with a message that says what would be right.
    fn read(written: Self::Written) -> Result<Self::Value, String>;
}

/// A value written in a notation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(bound = "N: Notation")]
pub(super) struct As<N: Notation>(#[serde(deserialize_with = "read::<N, _>")] pub(super) N::Value);

/// Deserializes a value written in a notation.
pub(super) fn read<'de, N: Notation, D: Deserializer<'de>>(from: D) -> Result<N::Value, D::Error> {
    N::read(N::Written::deserialize(from)?).map_err(D::Error::custom)
}

/// Deserializes a list of values written in a notation.
pub(super) fn read_each<'de, N: Notation, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<N::Value>, D::Error> {
    let each = Vec::<As<N>>::deserialize(from)?;
    Ok(each.into_iter().map(|it| it.0).collect())
}

/// Returns the value if there is one, else `default`.
pub(super) fn or<N: Notation>(given: Option<As<N>>, default: N::Value) -> N::Value {
    given.map_or(default, |given| given.0)
}

/// Kafka encodes times in 32 bits of milliseconds, and nothing here needs more than a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration such as `500ms`, `5s`, `2m` or `1h`: more than zero, at most a day.
impl Notation for Duration {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        let millis = quantity(&text, &units).ok_or_else(|| {
            format!("expected a duration like \"500ms\", \"5s\", \"2m\" or \"1h\", found {text:?}")
        })?;
        let duration = Self::from_millis(millis);
        if duration.is_zero() || duration > LONGEST {
            return Err(format!(
                "has to be more than zero and at most \"24h\", found {text:?}"
            ));
        }
        Ok(duration)
    }
}

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const TIB: u64 = 1 << 40;

/// A size such as `512KiB`, `16MiB` or `1MB` within limits; the value is in bytes.
pub(super) struct Bytes<T, const LEAST: u64, const MOST: u64>(PhantomData<T>);

impl<T: TryFrom<u64>, const LEAST: u64, const MOST: u64> Notation for Bytes<T, LEAST, MOST> {
    type Written = String;
    type Value = T;

    fn read(text: String) -> Result<T, String> {
        let units = [
            ("KiB", KIB),
            ("MiB", MIB),
            ("GiB", GIB),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("B", 1),
        ];
        let bytes = quantity(&text, &units).ok_or_else(|| {
            format!("expected a size like \"512KiB\", \"16MiB\" or \"1MB\", found {text:?}")
        })?;
        within(bytes, LEAST..=MOST).ok_or_else(|| {
            let written = |limit: u64| {
                let whole = |(_, factor): &&(&str, u64)| limit.is_multiple_of(*factor);
                let fitting = units[..3].iter().rev().find(whole);
                let (unit, factor) = fitting.unwrap_or(&("B", 1));
                format!("{}{unit}", limit / factor)
            };
            let [least, most] = [LEAST, MOST].map(written);
            format!("has to be between \"{least}\" and \"{most}\", found {text:?}")
        })
    }
}

/// Parses a whole number followed by one of the units, with nothing around or between them.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// An integer within limits.
pub(super) struct Number<T, const LEAST: i64, const MOST: i64>(PhantomData<T>);

impl<T: TryFrom<i128>, const LEAST: i64, const MOST: i64> Notation for Number<T, LEAST, MOST> {
    type Written = i128;
    type Value = T;

    fn read(number: i128) -> Result<T, String> {
        within(number, LEAST.into()..=MOST.into())
            .ok_or_else(|| format!("has to be between {LEAST} and {MOST}, found {number}"))
    }
}

fn within<N: PartialOrd, T: TryFrom<N>>(number: N, limits: RangeInclusive<N>) -> Option<T> {
    limits.contains(&number).then(|| T::try_from(number).ok())?
}

/// `off`, or another notation.
pub(super) struct OrOff<N>(PhantomData<N>);

impl<N: Notation<Written = String>> Notation for OrOff<N> {
    type Written = String;
    type Value = Option<N::Value>;

    fn read(text: String) -> Result<Self::Value, String> {
        if text == "off" {
            return Ok(None);
        }
        let or_off = |problem: String| problem.replace("expected a ", "expected \"off\" or a ");
        N::read(text).map(Some).map_err(or_off)
    }
}

/// One of the names of an enum's variants.
pub(super) struct Word<T>(PhantomData<T>);

impl<T: DeserializeOwned> Notation for Word<T> {
    type Written = String;
    type Value = T;

    fn read(text: String) -> Result<T, String> {
        let word: StringDeserializer<value::Error> = text.into_deserializer();
        T::deserialize(word).map_err(|error| error.to_string())
    }
}

/// Parses a broker's address.
impl Notation for HostPort {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        Self::from_str(&text).map_err(|error| error.to_string())
    }
}

/// Parses an address to listen on.
impl Notation for SocketAddr {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        text.parse().map_err(|_| {
            format!("expected an IP address and port like \"127.0.0.1:8640\", found {text:?}")
        })
    }
}

/// Parses the URL of an HTTP interface, without user, query or fragment.
pub(super) struct HttpUrl;

impl Notation for HttpUrl {
    type Written = String;
    type Value = String;

    fn read(text: String) -> Result<String, String> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let good = |rest: &&str| {
            let host = rest.split('/').next().unwrap_or_default();
            !host.is_empty() && !rest.contains(|c: char| c.is_whitespace() || "?#@".contains(c))
        };
        match rest.filter(good) {
            Some(_) => Ok(text.trim_end_matches('/').to_owned()),
            None => Err(format!(
                "expected a URL like \"http://farshore-1.example:8640\", found {text:?}"
            )),
        }
    }
}

/// The name of a machine, in lower case; without a port.
pub(super) struct HostName;

impl Notation for HostName {
    type Written = String;
    type Value = String;

    fn read(text: String) -> Result<String, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if text.is_empty() || text.len() > 253 || !text.chars().all(allowed) {
            return Err(format!(
                "expected a host name without a port, like \"farshore-1.example\", found {text:?}"
            ));
        }
        Ok(text.to_ascii_lowercase())
    }
}

/// A path of records: `raw`, `record`, or `auto`, which is `raw`.
impl Notation for DataPath {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        match &*text {
            "auto" | "raw" => Ok(Self::Raw),
            "record" => Ok(Self::Record),
            other => Err(unknown_value(other, &["auto", "raw", "record"])),
        }
    }
}

/// Parses a topic name by the brokers' rules.
impl Notation for TopicName {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty()
            || text.len() > 249
            || !text.chars().all(allowed)
            || [".", ".."].contains(&&*text)
        {
            return Err(format!(
                "a topic's name has 1 to 249 letters, digits, dots, dashes or underscores, found {text:?}"
            ));
        }
        Ok(Self::new(text))
    }
}

/// Refuses empty text.
pub(super) struct Filled<T>(PhantomData<T>);

impl<T: From<String>> Notation for Filled<T> {
    type Written = String;
    type Value = T;

    fn read(text: String) -> Result<T, String> {
        if text.trim().is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(text.into())
    }
}

/// One line of text that brokers log and compare: not empty, not long, without control characters.
pub(super) struct Line;

/// The length limit of a line, in bytes; brokers make file names and metrics of some.
const LINE: usize = 255;

impl Notation for Line {
    type Written = String;
    type Value = String;

    fn read(text: String) -> Result<String, String> {
        let text: String = Filled::read(text)?;
        if text.len() > LINE {
            return Err(format!("has at most {LINE} bytes, found {}", text.len()));
        }
        if text.contains(char::is_control) {
            return Err(format!("has no control characters, found {text:?}"));
        }
        Ok(text)
    }
}

/// Checks the name of a cluster or link: it appears in topic names and in URLs.
pub(super) fn check_name(name: &Spanned<String>, problems: &Problems<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let text = name.get_ref();
    if text.is_empty() || text.len() > 100 || !text.chars().all(allowed) || text.starts_with('.') {
        let message = "a name has 1 to 100 letters, digits, dots, dashes or underscores and doesn't begin with a dot";
        problems.add(&name.span(), message);
    }
}

#[cfg(test)]
mod tests;
