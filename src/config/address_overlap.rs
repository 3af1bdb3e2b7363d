//! Whether several expressions of a map of addresses match the same address, decided by automata.
//!
//! Pure. Addresses are walked character by character through the automata of two expressions at once, the shortest first,
//! so that an answer comes with the shortest example. Addresses to which a more precise rule applies don't count.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use regex::Regex;
use regex_automata::hybrid::LazyStateID;

use super::overlap::Automaton;
use crate::kafka::client::{AddressMap, AddressRule, HostPort};

/// The limit of combinations of states that are looked at for one map.
const COMBINATIONS: usize = 50_000;
/// The length limit of an address: that of a DNS name, with a port.
const LENGTH: usize = 253 + ":65535".len();
/// The characters of addresses. Expressions don't tell upper case from lower case.
const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_.:[]";

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Another one matches this address, too.
    Address { other: Arc<str>, example: String },
    /// It matches no address.
    Nothing,
    /// A limit was reached before it was known whether another one matches the same.
    Undecided { other: Arc<str> },
}

/// Returns the expressions with which something is wrong, as written: at most one finding for each.
pub(super) fn find(map: &AddressMap) -> Vec<(String, Flaw)> {
    let precedence = map.precedence().into_iter();
    let precedence = precedence.map(|it| anchored(&it)).collect();
    let mut walk = Walk {
        map,
        precedence,
        left: COMBINATIONS,
    };
    let mut found = Vec::new();
    let all: Vec<_> = map.expressions().collect();
    for (number, (written, regex)) in all.iter().enumerate() {
        if walk.shared(&[regex]) == Some(None) {
            found.push((written.to_string(), Flaw::Nothing));
            continue;
        }
        let shared = all[..number].iter().find_map(|(earlier, other)| {
            let other_name = Arc::clone(earlier);
            match walk.shared(&[regex, other]) {
                Some(None) => None,
                Some(Some(example)) => Some(Flaw::Address {
                    other: other_name,
                    example,
                }),
                None => Some(Flaw::Undecided { other: other_name }),
            }
        });
        found.extend(shared.map(|shared| (written.to_string(), shared)));
    }
    found
}

fn anchored(expression: &str) -> String {
    format!(r"(?i)\A(?:{expression})\z")
}

struct Walk<'a> {
    map: &'a AddressMap,
    precedence: Vec<String>,
    left: usize,
}

impl Walk<'_> {
    /// Finds an address that all expressions match and no more precise rule; the outer `None` if a limit was reached.
    #[expect(clippy::option_option, reason = "an answer, or none")]
    fn shared(&mut self, expressions: &[&Regex]) -> Option<Option<String>> {
        let mut automata = Vec::new();
        for expression in expressions {
            let pattern = format!("(?i){}", expression.as_str());
            automata.push(Automaton::new(&[pattern])?);
        }
        let required = automata.len();
        if !self.precedence.is_empty() {
            automata.push(Automaton::new(&self.precedence)?);
        }
        let begin: Option<Vec<LazyStateID>> = automata.iter_mut().map(|it| it.begin("")).collect();
        let first = (Shape::Start, begin?);
        let mut seen = HashSet::from([first.clone()]);
        let mut waiting = VecDeque::from([(String::new(), first)]);
        while let Some((text, (shape, states))) = waiting.pop_front() {
            if shape.is_whole() && self.is_shared(expressions, &text) {
                return Some(Some(text));
            }
            if text.len() == LENGTH {
                continue;
            }
            for character in CHARACTERS {
                let Some(shape) = shape.then(*character) else {
                    continue;
                };
                let steps = automata.iter_mut().zip(&states);
                let next: Option<Vec<LazyStateID>> = steps
                    .map(|(it, state)| it.step(*state, *character))
                    .collect();
                let next = next?;
                if next[..required].iter().any(LazyStateID::is_dead) {
                    continue;
                }
                let next = (shape, next);
                if seen.insert(next.clone()) {
                    self.left = self.left.checked_sub(1)?;
                    waiting.push_back((format!("{text}{}", char::from(*character)), next));
                }
            }
        }
        Some(None)
    }

    fn is_shared(&self, expressions: &[&Regex], text: &str) -> bool {
        let Ok(address) = text.parse::<HostPort>() else {
            return false;
        };
        let is_precise = |rule| matches!(rule, AddressRule::Exact | AddressRule::Suffix(_));
        expressions.iter().all(|it| it.is_match(text))
            && !self
                .map
                .lead(&address)
                .is_ok_and(|lead| is_precise(lead.rule))
    }
}

/// How much of an address is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Start,
    Name,
    /// In an IPv6 address, of which every one has a colon.
    Bracket {
        has_colon: bool,
    },
    Closed,
    Colon,
    /// This number of digits.
    Port(u8),
}

impl Shape {
    fn then(self, character: u8) -> Option<Self> {
        match (self, character) {
            (Self::Start, b'[') => Some(Self::Bracket { has_colon: false }),
            (Self::Bracket { .. }, b':') => Some(Self::Bracket { has_colon: true }),
            (Self::Bracket { .. }, b'0'..=b'9' | b'a'..=b'f') => Some(self),
            (Self::Bracket { has_colon: true }, b']') => Some(Self::Closed),
            (Self::Name | Self::Closed, b':') => Some(Self::Colon),
            (Self::Start, b'.') | (Self::Start | Self::Name, b':' | b'[' | b']') => None,
            (Self::Start | Self::Name, _) => Some(Self::Name),
            (Self::Colon, b'1'..=b'9') => Some(Self::Port(1)),
            (Self::Port(count @ 1..=4), b'0'..=b'9') => Some(Self::Port(count + 1)),
            _ => None,
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Port(_))
    }
}

#[cfg(test)]
mod tests;
