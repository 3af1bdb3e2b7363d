//! The notations of single values: durations, sizes, addresses, points in time, words, names.
//!
//! Each function refuses an invalid value with a message that says what would be right.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::kafka::client::HostPort;
use crate::model::TopicName;

use super::field::At;
use super::nearest::nearest;
use super::problem::Problems;
use super::settings::Start;

/// Kafka encodes times in 32 bits of milliseconds, and nothing here needs more than a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a duration such as `500ms`, `5s`, `2m` or `1h`: more than zero, at most a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let millis = quantity(text, &units).ok_or_else(|| {
        format!("expected a duration like \"500ms\", \"5s\", \"2m\" or \"1h\", found {text:?}")
    })?;
    let duration = Duration::from_millis(millis);
    if duration.is_zero() || duration > LONGEST {
        return Err(format!(
            "has to be more than zero and at most \"24h\", found {text:?}"
        ));
    }
    Ok(duration)
}

/// Parses `off` or a duration.
pub(super) fn duration_or_off(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    duration(text).map(Some)
}

/// Parses a size such as `512KiB`, `16MiB`, `1GiB`, `1MB` or `100B`; returns bytes.
fn size(text: &str) -> Result<u64, String> {
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    quantity(text, &units).ok_or_else(|| {
        format!("expected a size like \"512KiB\", \"16MiB\" or \"1MB\", found {text:?}")
    })
}

/// Parses a size within limits, which are written as in a file.
pub(super) fn size_within<T: TryFrom<u64>>(
    limits: [&'static str; 2],
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let bytes = size(text)?;
        let [least, most] = [size(limits[0])?, size(limits[1])?];
        (least..=most)
            .contains(&bytes)
            .then(|| T::try_from(bytes).ok())
            .flatten()
            .ok_or_else(|| {
                format!(
                    "has to be between \"{}\" and \"{}\", found {text:?}",
                    limits[0], limits[1]
                )
            })
    }
}

/// Parses `off` or a size within limits.
pub(super) fn size_or_off(
    limits: [&'static str; 2],
) -> impl Fn(&str) -> Result<Option<u64>, String> {
    move |text| {
        if text == "off" {
            return Ok(None);
        }
        size_within(limits)(text)
            .map(Some)
            .map_err(|problem| problem.replace("expected a size", "expected \"off\" or a size"))
    }
}

/// Parses a whole number followed by one of the units.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Checks that a number is within limits.
pub(super) fn number_within<T>(limits: RangeInclusive<i64>) -> impl Fn(&i64) -> Result<T, String>
where
    T: TryFrom<i64>,
{
    move |number| {
        limits
            .contains(number)
            .then(|| T::try_from(*number).ok())
            .flatten()
            .ok_or_else(|| {
                let (least, most) = (limits.start(), limits.end());
                format!("has to be between {least} and {most}, found {number}")
            })
    }
}

/// Parses one of several words.
pub(super) fn one_of<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| not_one_of(text, words.iter().map(|(word, _)| *word)))
    }
}

/// The message for an unknown word.
pub(super) fn not_one_of(text: &str, words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<&str> = words.collect();
    match nearest(text, &words) {
        Some(word) => format!("unknown value {text:?}; did you mean \"{word}\"?"),
        None => format!(
            "unknown value {text:?}; expected one of \"{}\"",
            words.join("\", \"")
        ),
    }
}

/// Parses a broker's address.
pub(super) fn host_port(text: &str) -> Result<HostPort, String> {
    HostPort::from_str(text).map_err(|error| error.to_string())
}

/// Parses an address to listen on.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("expected an IP address and port like \"127.0.0.1:8640\", found {text:?}")
    })
}

/// Parses the URL of an HTTP interface, without user, query or fragment.
pub(super) fn http_url(text: &str) -> Result<String, String> {
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

/// Parses `earliest`, `latest` or a time.
pub(super) fn start(text: &str) -> Result<Start, String> {
    match text {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        time => time
            .parse::<jiff::Timestamp>()
            .map(|time| Start::At(time.as_millisecond()))
            .map_err(|_| {
                format!(
                    "expected \"earliest\", \"latest\" or an RFC 3339 time like \"2026-01-31T08:00:00Z\", found {text:?}"
                )
            }),
    }
}

/// Checks the name of a cluster or link, which appears in topic names and in URLs.
fn name(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || text.len() > 100 || !text.chars().all(allowed) || text.starts_with('.') {
        return Err("a name has 1 to 100 letters, digits, dots, dashes or underscores and doesn't begin with a dot".to_owned());
    }
    Ok(())
}

/// Checks the name of a section.
pub(super) fn check_name(name: &At<String>, problems: &Problems) {
    if let Err(message) = self::name(&name.value) {
        problems.add(&name.place, message);
    }
}

/// Parses a topic name by the brokers' rules.
pub(super) fn topic(text: &str) -> Result<TopicName, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty()
        || text.len() > 249
        || !text.chars().all(allowed)
        || [".", ".."].contains(&text)
    {
        return Err(format!(
            "a topic's name has 1 to 249 letters, digits, dots, dashes or underscores, found {text:?}"
        ));
    }
    Ok(TopicName::new(text))
}

/// Refuses empty text.
pub(super) fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_may_be_off() {
        assert_eq!(duration_or_off("off"), Ok(None));
        assert_eq!(duration_or_off("2m"), Ok(Some(Duration::from_secs(120))));
        assert!(duration_or_off("never").is_err());
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("1ms", 1),
            ("500ms", 500),
            ("5s", 5_000),
            ("2m", 120_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(
                duration(text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5S",
            "25h",
            "0s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1B", 1),
            ("512KiB", 524_288),
            ("16MiB", 16_777_216),
            ("1MB", 1_000_000),
            ("1GiB", 1_073_741_824),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "",
            "16",
            "MiB",
            "16mib",
            "16 MiB",
            "1.5MiB",
            "-1MiB",
            "18446744073709551615GB",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
        let within = size_within::<i32>(["1KiB", "1GiB"]);
        assert_eq!(within("1GiB"), Ok(1 << 30));
        assert!(within("1023B").is_err());
        assert!(within("2GiB").is_err());
        let rate = size_or_off(["64KiB", "1GiB"]);
        assert_eq!(rate("off"), Ok(None));
        assert_eq!(rate("1MiB"), Ok(Some(1 << 20)));
        assert!(rate("1KiB").is_err());
        assert!(rate("none").is_err());
    }

    #[test]
    fn starts() {
        assert_eq!(start("earliest"), Ok(Start::Earliest));
        assert_eq!(start("latest"), Ok(Start::Latest));
        assert_eq!(start("1970-01-01T00:00:01.5Z"), Ok(Start::At(1_500)));
        assert_eq!(start("1970-01-01T01:00:00+01:00"), Ok(Start::At(0)));
        for text in ["", "now", "2026-01-01", "2026-01-01T00:00:00", "1767225600"] {
            assert!(start(text).is_err(), "{text}");
        }
    }
}
