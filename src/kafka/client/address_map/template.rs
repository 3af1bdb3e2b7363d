//! Addresses with parts of what an expression matched: `203.0.113.7:{31090+$1}`. Pure.

use std::fmt;

use regex::{Captures, Regex};

use crate::kafka::client::address::{HostPort, NotAnAddress};

/// An address with references to captures, and sums of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    written: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Capture(usize),
    Sum(Vec<Term>),
}

/// A number to add or to subtract.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    is_subtracted: bool,
    of: Operand,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Number(i64),
    Capture(usize),
}

/// What groups may match, to find out whether an address can come out.
const SAMPLES: [&str; 3] = ["1", "::1", "a:1"];
/// What they may be as numbers.
const SAMPLE_NUMBERS: [i64; 3] = [0, 1, 9_092];

impl Template {
    /// Reads a value. Errors: what is wrong with it.
    pub(super) fn read(written: &str, regex: &Regex) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = written;
        while let Some(first) = rest.chars().next() {
            let (part, after) = match first {
                '$' => {
                    let (capture, after) = reference(rest, regex)?;
                    (Part::Capture(capture), after)
                }
                '{' => {
                    let inside = rest[1..].split_once('}');
                    let (sum, after) = inside.ok_or("\"{\" without its closing brace")?;
                    (Part::Sum(terms(sum, regex)?), after)
                }
                _ => {
                    let end = rest.find(['$', '{']).unwrap_or(rest.len());
                    let (text, after) = rest.split_at(end);
                    (Part::Text(text.to_owned()), after)
                }
            };
            parts.push(part);
            rest = after;
        }
        let template = Self {
            written: written.to_owned(),
            parts,
        };
        let with = |text: &'static str, number| template.filled(&|_| Ok(text), &|_| Ok(number));
        let all = SAMPLES
            .iter()
            .flat_map(|text| SAMPLE_NUMBERS.map(|number| (*text, number)));
        let mut outcomes = all.map(|(text, number)| with(text, number));
        if !outcomes.any(|it| it.is_ok_and(|it| it.parse::<HostPort>().is_ok())) {
            return Err(not_an_address(&with(SAMPLES[0], SAMPLE_NUMBERS[0])?));
        }
        Ok(template)
    }

    /// Whether it is the same address for everything that the expression matches.
    pub(super) fn is_fixed(&self) -> bool {
        let varies = |term: &Term| matches!(term.of, Operand::Capture(_));
        !self.parts.iter().any(|part| match part {
            Part::Text(_) => false,
            Part::Capture(_) => true,
            Part::Sum(terms) => terms.iter().any(varies),
        })
    }

    /// Puts in what was captured. Errors: why no address comes out.
    pub(super) fn fill(&self, captures: &Captures<'_>) -> Result<HostPort, String> {
        let text_of = |group: usize| {
            let found = captures.get(group).map(|it| it.as_str());
            found.ok_or_else(|| format!("${group} in \"{self}\" matched nothing"))
        };
        let number_of = |group| {
            let text = text_of(group)?;
            let number = text.parse();
            number.map_err(|_| format!("{text:?} can't be added up in \"{self}\""))
        };
        let text = self.filled(&text_of, &number_of)?;
        text.parse().map_err(|_| not_an_address(&text))
    }

    /// Puts in the text or the number of each group.
    fn filled<'a>(
        &self,
        text_of: &dyn Fn(usize) -> Result<&'a str, String>,
        number_of: &dyn Fn(usize) -> Result<i64, String>,
    ) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Capture(group) => text.push_str(text_of(*group)?),
                Part::Sum(terms) => text.push_str(&sum(terms, number_of)?.to_string()),
            }
        }
        Ok(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn not_an_address(text: &str) -> String {
    let error: Result<HostPort, NotAnAddress> = text.parse();
    error.map_or_else(|error| error.to_string(), |it| it.to_string())
}

fn sum(terms: &[Term], capture: &dyn Fn(usize) -> Result<i64, String>) -> Result<i64, String> {
    terms.iter().try_fold(0, |sum: i64, term| {
        let operand = match term.of {
            Operand::Number(number) => number,
            Operand::Capture(number) => capture(number)?,
        };
        let next = if term.is_subtracted {
            sum.checked_sub(operand)
        } else {
            sum.checked_add(operand)
        };
        next.ok_or_else(|| "the sum is too large".to_owned())
    })
}

/// Reads what is between braces: numbers and captures with `+` and `-` between them.
fn terms(written: &str, regex: &Regex) -> Result<Vec<Term>, String> {
    let wrong =
        || format!("\"{{{written}}}\" isn't a sum of numbers and captures, like \"{{31090+$1}}\"");
    let mut terms = Vec::new();
    let mut is_subtracted = false;
    let mut rest = written.trim();
    loop {
        let (of, after) = if rest.starts_with('$') {
            let (capture, after) = reference(rest, regex)?;
            (Operand::Capture(capture), after)
        } else {
            let (digits, after) = digits(rest);
            let number = digits.parse().map_err(|_| wrong())?;
            (Operand::Number(number), after)
        };
        terms.push(Term { is_subtracted, of });
        let after = after.trim_start();
        let mut operator = after.chars();
        is_subtracted = match operator.next() {
            None => return Ok(terms),
            Some('+') => false,
            Some('-') => true,
            Some(_) => return Err(wrong()),
        };
        rest = operator.as_str().trim_start();
    }
}

/// Reads `$1`. Returns the number and what follows it.
fn reference<'t>(text: &'t str, regex: &Regex) -> Result<(usize, &'t str), String> {
    let (digits, after) = digits(&text[1..]);
    let number = digits.parse().map_err(|_| {
        "\"$\" is followed by the number of a group in the expression, like \"$1\"".to_owned()
    })?;
    if number >= regex.captures_len() {
        let groups = regex.captures_len() - 1;
        return Err(format!(
            "the expression has no group {number}, only {groups}"
        ));
    }
    Ok((number, after))
}

fn digits(text: &str) -> (&str, &str) {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(count)
}
