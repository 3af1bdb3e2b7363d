//! Whether links can select the same topic, decided by automata.
//!
//! Pure. A question is a list of conditions on a name: each says that a filter selects the name with a prefix in front of
//! it. The automata of all conditions are walked at once over the characters of topic names, the shortest names first, so
//! that an answer comes with the shortest example. An automaton has as many states as it needs, up to a limit of memory.
//!
//! An automaton only tells names apart; what a name means is up to [`TopicFilter::matches`], which is asked once for each
//! combination of states.

use std::collections::{HashSet, VecDeque};

use regex_automata::MatchKind;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::start;

use super::filter::TopicFilter;
use crate::model::TopicName;

/// The memory limit of an automaton, in bytes. Common expressions take a few kilobytes.
const AUTOMATON_BYTES: usize = 2 << 20;
/// The memory limit of an automaton's rules, in bytes: that of compiled expressions.
const RULES_BYTES: usize = 10 << 20;
/// The limit of combinations of states that are looked at for one question.
const COMBINATIONS: usize = 20_000;
/// The limit for all questions of one file; reached within two seconds.
const COMBINATIONS_IN_ALL: usize = 400_000;
/// The limit of rounds of a name that becomes longer with each of them. With common expressions two rounds are different.
const ROUNDS: usize = 6;
/// The length limit of a topic's name.
const NAME_LENGTH: usize = 249;
/// The characters of topic names; examples use the first ones if they can.
const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Whether a name meets all conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// This one does; no shorter one does.
    Example(TopicName),
    /// None does.
    Disjoint,
    /// A limit was reached before the answer was found.
    Undecided,
}

/// A condition on a name: the filter with this index selects the name with `prefix` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameCondition {
    pub(crate) filter: usize,
    pub(crate) prefix: String,
}

/// The filters that questions are about.
#[derive(Debug)]
pub(crate) struct Overlaps<'a> {
    filters: Vec<Selector<'a>>,
    combinations_left: usize,
}

impl<'a> Overlaps<'a> {
    pub(crate) fn new(filters: impl IntoIterator<Item = &'a TopicFilter>) -> Self {
        Self {
            filters: filters.into_iter().map(Selector::new).collect(),
            combinations_left: COMBINATIONS_IN_ALL,
        }
    }

    /// Finds a name that meets all conditions.
    pub(crate) fn find(&mut self, conditions: &[NameCondition]) -> Overlap {
        self.walk(conditions).unwrap_or(Overlap::Undecided)
    }

    /// Finds a name that meets all conditions, and meets them again with `more` in front of it, once, twice and so on.
    ///
    /// The length limit of names is left aside.
    pub(crate) fn find_endless(&mut self, conditions: &[NameCondition], more: &str) -> Overlap {
        self.rounds(conditions, more)
            .and_then(|all| self.walk(&all))
            .unwrap_or(Overlap::Undecided)
    }

    /// The conditions of every round that differs from the ones before it; `None` if a limit was reached.
    fn rounds(&mut self, conditions: &[NameCondition], more: &str) -> Option<Vec<NameCondition>> {
        let mut seen = HashSet::new();
        let mut round = conditions.to_vec();
        let mut all = Vec::new();
        while seen.insert(self.begin(&round)?) {
            if seen.len() > ROUNDS {
                return None;
            }
            all.extend_from_slice(&round);
            for condition in &mut round {
                condition.prefix.push_str(more);
            }
        }
        Some(all)
    }

    /// The states in front of a name.
    fn begin(&mut self, conditions: &[NameCondition]) -> Option<Vec<States>> {
        let states = conditions
            .iter()
            .map(|it| self.filters[it.filter].begin(&it.prefix));
        states.collect()
    }

    /// `None` if a limit was reached.
    fn walk(&mut self, conditions: &[NameCondition]) -> Option<Overlap> {
        let first = (Dots::Empty, self.begin(conditions)?);
        let alphabet = self.alphabet(conditions);
        let mut seen = HashSet::from([first.clone()]);
        let mut waiting = VecDeque::from([(Vec::new(), first)]);
        while let Some((name, (dots, states))) = waiting.pop_front() {
            if dots == Dots::Legal && self.selected(conditions, &name) {
                let name = String::from_utf8_lossy(&name);
                return Some(Overlap::Example(TopicName::new(&*name)));
            }
            if name.len() == NAME_LENGTH {
                continue;
            }
            for character in &alphabet {
                let Some(states) = self.step(conditions, &states, *character).ok()? else {
                    continue;
                };
                let next = (dots.then(*character), states);
                if seen.insert(next.clone()) {
                    self.combinations_left = self.combinations_left.checked_sub(1)?;
                    if seen.len() > COMBINATIONS {
                        return None;
                    }
                    let mut longer = name.clone();
                    longer.push(*character);
                    waiting.push_back((longer, next));
                }
            }
        }
        Some(Overlap::Disjoint)
    }

    fn selected(&self, conditions: &[NameCondition], name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name);
        conditions.iter().all(|condition| {
            let name = TopicName::new(format!("{}{name}", condition.prefix));
            self.filters[condition.filter].filter.matches(&name)
        })
    }

    /// The states after another character, unless no name can be selected any more.
    fn step(
        &mut self,
        conditions: &[NameCondition],
        states: &[States],
        character: u8,
    ) -> Result<Option<Vec<States>>, LimitReached> {
        let mut next = Vec::with_capacity(states.len());
        for (condition, states) in conditions.iter().zip(states) {
            let selector = &mut self.filters[condition.filter];
            let states = selector.step(*states, character).ok_or(LimitReached)?;
            if states.included.is_dead() {
                return Ok(None);
            }
            next.push(states);
        }
        Ok(Some(next))
    }

    /// One character of each kind that the automata tell apart.
    fn alphabet(&self, conditions: &[NameCondition]) -> Vec<u8> {
        let mut kinds = HashSet::new();
        let automata = || {
            let filters = conditions.iter().map(|it| &self.filters[it.filter]);
            filters.flat_map(|it| it.automata.iter().flatten())
        };
        let is_new = |character: &u8| {
            let classes = automata().map(|it| it.dfa.byte_classes().get(*character));
            // Names that are dots aren't topics.
            kinds.insert((*character == b'.', classes.collect::<Vec<u8>>()))
        };
        CHARACTERS.iter().copied().filter(is_new).collect()
    }
}

/// A limit was reached.
struct LimitReached;

/// Whether a name is legal, as far as that isn't a matter of its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Dots {
    Empty,
    One,
    Two,
    Legal,
}

impl Dots {
    fn then(self, character: u8) -> Self {
        match (self, character) {
            (Self::Empty, b'.') => Self::One,
            (Self::One, b'.') => Self::Two,
            _ => Self::Legal,
        }
    }
}

/// The states of a filter's automata after part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct States {
    included: LazyStateID,
    distinguished: LazyStateID,
}

/// A filter with its automata: one for what it includes, one for everything else that its decision depends on; `None` if
/// they exceed a limit.
#[derive(Debug)]
struct Selector<'a> {
    filter: &'a TopicFilter,
    automata: Option<[Automaton; 2]>,
}

impl<'a> Selector<'a> {
    fn new(filter: &'a TopicFilter) -> Self {
        let [included, distinguished] = filter.expressions();
        let automata = || Some([Automaton::new(&included)?, Automaton::new(&distinguished)?]);
        Self {
            filter,
            automata: automata(),
        }
    }

    fn begin(&mut self, prefix: &str) -> Option<States> {
        let [included, distinguished] = self.automata.as_mut()?;
        Some(States {
            included: included.begin(prefix)?,
            distinguished: distinguished.begin(prefix)?,
        })
    }

    fn step(&mut self, states: States, character: u8) -> Option<States> {
        let [included, distinguished] = self.automata.as_mut()?;
        Some(States {
            included: included.step(states.included, character)?,
            distinguished: distinguished.step(states.distinguished, character)?,
        })
    }
}

/// An automaton whose states are created when they are first reached.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Automaton {
    /// `None` if its rules exceed the limit.
    pub(super) fn new(expressions: &[String]) -> Option<Self> {
        let rules = thompson::Config::new()
            .nfa_size_limit(Some(RULES_BYTES))
            .which_captures(thompson::WhichCaptures::None);
        let states = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(AUTOMATON_BYTES)
            .skip_cache_capacity_check(true)
            // States keep their numbers: at the limit it gives up.
            .minimum_cache_clear_count(Some(0));
        let mut builder = DFA::builder();
        let dfa = builder.thompson(rules).configure(states);
        let dfa = dfa.build_many(expressions).ok()?;
        Some(Self {
            cache: dfa.create_cache(),
            dfa,
        })
    }

    pub(super) fn begin(&mut self, prefix: &str) -> Option<LazyStateID> {
        let anchored = start::Config::new().anchored(regex_automata::Anchored::Yes);
        let first = self.dfa.start_state(&mut self.cache, &anchored).ok()?;
        prefix
            .bytes()
            .try_fold(first, |state, character| self.step(state, character))
    }

    pub(super) fn step(&mut self, state: LazyStateID, character: u8) -> Option<LazyStateID> {
        let next = self.dfa.next_state(&mut self.cache, state, character);
        next.ok().filter(|next| !next.is_quit())
    }
}

#[cfg(test)]
mod tests;
