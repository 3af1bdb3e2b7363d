//! Which address to connect to for one that a broker advertises, as the operator says. Pure.
//!
//! Promises: for an address there is at most one rule: the one that names it, else the one with the longest suffix of its
//! host, else the only expression that matches it. Two expressions that match are an error that names both.

mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use regex_automata::util::syntax;

use super::address::{HostPort, NotAnAddress};
use template::Template;

/// Reachable addresses, by the addresses that brokers advertise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressMap {
    /// By addresses in canonical form.
    exact: BTreeMap<HostPort, HostPort>,
    /// The longest first.
    suffixes: Vec<Suffix>,
    expressions: Vec<Expression>,
    told: NameTold,
}

/// What tells brokers apart that are reached at one address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameTold {
    /// Nothing: the connections aren't encrypted.
    #[default]
    Nothing,
    /// Nothing: all connections are encrypted under one name, `tls.server_name`.
    ServerName,
    /// The host that each of them advertises, if it is a name: it begins the encryption (SNI).
    Advertised,
}

/// The rule by which an address is mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressRule {
    /// None: the address is dialed as it is advertised.
    None,
    /// The one for this address.
    Exact,
    /// The one for hosts with this suffix, as written.
    Suffix(Arc<str>),
    /// The one with this expression, as written.
    Expression(Arc<str>),
}

/// Where an advertised address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The address to connect to.
    pub to: HostPort,
    /// The rule that says so.
    pub rule: AddressRule,
}

/// Why an advertised address leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{what}: {fix}")]
pub struct Misled {
    what: String,
    fix: &'static str,
}

/// What is wrong with an entry of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadEntry {
    Key(String),
    Value(String),
}

/// Hosts that end with a dot and these labels, at one port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suffix {
    written: Arc<str>,
    /// In canonical form, with the dot in front of the host.
    ending: HostPort,
    to: HostPort,
}

#[derive(Debug, Clone)]
struct Expression {
    written: Arc<str>,
    regex: Regex,
    to: Template,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        (&self.written, &self.to) == (&other.written, &other.to)
    }
}

impl Eq for Expression {}

const ONE_BY_ONE: &str = "narrow one of them, or give the address a key of its own in address_map";
const AN_ADDRESS: &str = "correct the value in address_map, or give the address a key of its own";

impl AddressMap {
    /// Adds an entry: a key that is an address, a suffix like `*.kafka.svc:9092` or an expression between slashes, and
    /// where it leads.
    pub fn add(&mut self, key: &str, value: &str) -> Result<(), BadEntry> {
        if let Some(inner) = key.strip_prefix('/') {
            let inner = inner.strip_suffix('/').filter(|inner| !inner.is_empty());
            let inner = inner.ok_or_else(|| {
                let text = "an expression is written between two slashes, like \"/kafka-(\\\\d+)\\\\.svc:9092/\"";
                BadEntry::Key(text.to_owned())
            })?;
            let expression = Expression::new(key, inner, value)?;
            self.expressions.push(expression);
            return Ok(());
        }
        let to = || fixed(value).map_err(BadEntry::Value);
        if let Some(ending) = key.strip_prefix('*') {
            let ending = suffix(ending).ok_or_else(|| {
                let text = "a suffix is written like \"*.kafka.svc:9092\"; anything else takes an expression between slashes";
                BadEntry::Key(text.to_owned())
            })?;
            let known = self.suffixes.iter().find(|it| it.ending == ending);
            if let Some(known) = known {
                return Err(BadEntry::Key(again(&known.written)));
            }
            let written = Arc::from(key);
            let to = to()?;
            self.suffixes.push(Suffix {
                written,
                ending,
                to,
            });
            let length = |it: &Suffix| std::cmp::Reverse(it.ending.host.len());
            self.suffixes.sort_by_key(length);
            return Ok(());
        }
        let address: HostPort = key
            .parse()
            .map_err(|error: NotAnAddress| BadEntry::Key(error.to_string()))?;
        if address.host.contains('*') {
            let text = "\"*\" is only at the beginning of a suffix, like \"*.kafka.svc:9092\"";
            return Err(BadEntry::Key(text.to_owned()));
        }
        let to = to()?;
        match self.exact.insert(address.canonical(), to) {
            None => Ok(()),
            Some(_) => Err(BadEntry::Key(again(&address.canonical().to_string()))),
        }
    }

    /// Sets what tells brokers apart that are reached at one address.
    #[must_use]
    pub fn telling(mut self, told: NameTold) -> Self {
        self.told = told;
        self
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty() && self.expressions.is_empty()
    }

    /// Returns where an advertised address leads, and by which rule.
    ///
    /// Errors: two expressions match it, or what the only one says isn't an address.
    pub fn lead(&self, advertised: &HostPort) -> Result<Lead, Misled> {
        let canonical = advertised.canonical();
        if let Some(to) = self.exact.get(&canonical) {
            return Ok(Lead::by(AddressRule::Exact, to));
        }
        if let Some(suffix) = self.suffixes.iter().find(|it| it.fits(&canonical)) {
            let rule = AddressRule::Suffix(Arc::clone(&suffix.written));
            return Ok(Lead::by(rule, &suffix.to));
        }
        let text = advertised.to_string();
        let mut fitting = self.expressions.iter().filter_map(|it| {
            let captures = it.regex.captures(&text)?;
            Some((it, captures))
        });
        let Some((only, captures)) = fitting.next() else {
            return Ok(Lead::by(AddressRule::None, advertised));
        };
        if let Some((other, _)) = fitting.next() {
            let (one, other) = (&only.written, &other.written);
            let what = format!("both \"{one}\" and \"{other}\" in address_map match {text}");
            return Err(Misled::new(what, ONE_BY_ONE));
        }
        let to = only.to.fill(&captures).map_err(|why| {
            let what = format!(
                "\"{}\" in address_map leads nowhere from {text}: {why}",
                only.written
            );
            Misled::new(what, AN_ADDRESS)
        })?;
        Ok(Lead {
            to,
            rule: AddressRule::Expression(Arc::clone(&only.written)),
        })
    }

    /// The advertised address from which an entry for a single address leads to this one.
    pub(crate) fn leading_to(&self, dial: &HostPort) -> Option<&HostPort> {
        let dial = dial.canonical();
        let found = self.exact.iter().rfind(|(_, to)| to.canonical() == dial);
        found.map(|(advertised, _)| advertised)
    }

    /// The name by which a broker is told from others that are reached at the same address.
    pub(crate) fn name_told(&self, advertised: &HostPort) -> Option<String> {
        let is_told = self.told == NameTold::Advertised && !advertised.is_ip();
        is_told.then(|| advertised.canonical().host)
    }

    /// Why brokers that share an address aren't connected to.
    pub(crate) fn shared_door(&self, dial: &HostPort, brokers: &[String]) -> Misled {
        let brokers = brokers.join(", ");
        let what = format!(
            "brokers {brokers} are all reached at {dial}, where {}",
            self.why_alike()
        );
        Misled::new(what, self.way_out())
    }

    /// The entries, by their keys, that lead from several brokers to one address where nothing tells them apart, and why
    /// that can't be. What depends on captures shows at run time.
    pub fn indistinct(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut add = |key: &str, to: &dyn std::fmt::Display| {
            let (why, fix) = (self.why_alike(), self.way_out());
            let text = format!("several brokers would be reached at {to}, where {why}: {fix}");
            found.push((key.to_owned(), text));
        };
        let mut doors = BTreeMap::new();
        for (advertised, to) in &self.exact {
            let door = (to.canonical(), self.name_told(advertised));
            if doors.insert(door, advertised).is_some() {
                add(&advertised.to_string(), to);
            }
        }
        if self.told != NameTold::Advertised {
            for suffix in &self.suffixes {
                add(&suffix.written, &suffix.to);
            }
            let fixed = |it: &&Expression| it.to.is_fixed();
            for expression in self.expressions.iter().filter(fixed) {
                add(&expression.written, &expression.to);
            }
        }
        found
    }

    /// The expressions as written and as they are matched against `host:port`.
    pub fn expressions(&self) -> impl Iterator<Item = (&Arc<str>, &Regex)> {
        self.expressions.iter().map(|it| (&it.written, &it.regex))
    }

    /// Expressions for what has precedence over expressions.
    pub fn precedence(&self) -> Vec<String> {
        let exact = self.exact.keys().map(|it| regex::escape(&it.to_string()));
        let suffixes = self.suffixes.iter().map(|it| {
            let ending = regex::escape(&format!("{}:{}", it.ending.host, it.ending.port));
            format!(".+{ending}")
        });
        exact.chain(suffixes).collect()
    }

    fn why_alike(&self) -> &'static str {
        match self.told {
            NameTold::Nothing => "without encryption nothing tells them apart",
            NameTold::ServerName => {
                "nothing tells them apart, because tls.server_name is the name for all of them"
            }
            NameTold::Advertised => {
                "nothing tells them apart, because they don't advertise different names"
            }
        }
    }

    fn way_out(&self) -> &'static str {
        match self.told {
            NameTold::Nothing => {
                "give each broker an address or a port of its own, or use security_protocol = \"SSL\" or \"SASL_SSL\" and a load balancer that goes by the name in the handshake (SNI)"
            }
            NameTold::ServerName => {
                "give each broker an address or a port of its own, or remove tls.server_name, so that each is asked for by the name it advertises (SNI)"
            }
            NameTold::Advertised => {
                "give each broker an address or a port of its own, or let each advertise a name of its own"
            }
        }
    }
}

impl Lead {
    fn by(rule: AddressRule, to: &HostPort) -> Self {
        Self {
            to: to.clone(),
            rule,
        }
    }
}

impl Misled {
    fn new(what: String, fix: &'static str) -> Self {
        Self { what, fix }
    }
}

impl Suffix {
    fn fits(&self, canonical: &HostPort) -> bool {
        let front = canonical.host.strip_suffix(&*self.ending.host);
        self.ending.port == canonical.port && front.is_some_and(|front| !front.is_empty())
    }
}

impl Expression {
    fn new(key: &str, inner: &str, value: &str) -> Result<Self, BadEntry> {
        let refused = |text: &str| {
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            BadEntry::Key(format!("not a regular expression: {inner:?}: {reason}"))
        };
        // An expression has to be one by itself, not only between the anchors.
        syntax::parse(inner).map_err(|error| refused(&error.to_string()))?;
        let regex = RegexBuilder::new(&format!(r"\A(?:{inner})\z"))
            .case_insensitive(true)
            .build()
            .map_err(|error| refused(&error.to_string()))?;
        let to = Template::read(value, &regex).map_err(BadEntry::Value)?;
        Ok(Self {
            written: Arc::from(key),
            regex,
            to,
        })
    }
}

/// Reads what follows the star of a suffix.
fn suffix(text: &str) -> Option<HostPort> {
    let ending: HostPort = text.strip_prefix('.')?.parse().ok()?;
    let HostPort { host, port } = ending.canonical();
    let is_name = !host.contains(['*', ':']) && !host.starts_with('.');
    is_name.then(|| HostPort::new(format!(".{host}"), port))
}

/// Reads an address without captures.
fn fixed(value: &str) -> Result<HostPort, String> {
    if value.contains(['*', '$', '{']) {
        let text = "only an expression between slashes can take over parts of what it matches: write host:port";
        return Err(text.to_owned());
    }
    let address = value.parse();
    address.map_err(|error: NotAnAddress| error.to_string())
}

fn again(known: &str) -> String {
    format!("it is the same as \"{known}\"")
}

impl<const N: usize> From<[(HostPort, HostPort); N]> for AddressMap {
    fn from(exact: [(HostPort, HostPort); N]) -> Self {
        let exact = exact.into_iter();
        Self {
            exact: exact
                .map(|(advertised, to)| (advertised.canonical(), to))
                .collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
