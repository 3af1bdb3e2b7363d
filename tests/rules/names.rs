//! Names of types: one name means one thing.

use std::collections::BTreeMap;

use super::source::{Source, Violation};

/// Names of roles, which several modules may have: where one is used, its module says whose it is.
const ROLES: &[(&str, &str)] = &[
    ("Event", "what a state machine reacts to"),
    ("Effect", "what a state machine asks for"),
    ("Phase", "the state of a state machine"),
    ("Settings", "what a module is configured with"),
];

/// The number of role names at most.
const ROLES_LIMIT: usize = 10;

/// Public types of one name in two modules.
pub(crate) fn duplicates(sources: &[Source]) -> Vec<Violation> {
    let mut found: BTreeMap<&str, Vec<Violation>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        for (name, position) in types(source) {
            let place = source.at(position, name);
            found.entry(name).or_default().push(place);
        }
    }
    let is_role = |name: &str| ROLES.iter().any(|(role, _)| *role == name);
    let twice = found.into_iter().filter(|(name, _)| !is_role(name));
    let twice = twice.filter(|(_, places)| places.len() > 1);
    twice.map(|(_, places)| places.join(", ")).collect()
}

/// The names of the types that a file shows to others than its parent, and where they are.
fn types(source: &Source) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for kind in ["struct", "enum", "trait", "type", "union"] {
        for start in source.occurrences(kind) {
            let line = source.code[..start].rsplit('\n').next().unwrap_or_default();
            if !matches!(line, "pub " | "pub(crate) ") {
                continue;
            }
            let rest = source.code[start + kind.len()..].trim_start();
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            found.push((&rest[..end.unwrap_or(rest.len())], start));
        }
    }
    found
}

/// Public items without a line of documentation. Fields and variants have one if it says more than their names.
pub(crate) fn undocumented(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    if source.is_test() {
        return violations;
    }
    let mut lines = source.text.lines().enumerate();
    let (mut documented, mut in_attribute) = (false, false);
    for (number, line) in &mut lines {
        let trimmed = line.trim_start();
        let skipped = in_attribute || trimmed.starts_with("#[");
        in_attribute = skipped && !trimmed.ends_with(']');
        if trimmed.starts_with("///") {
            documented = true;
        } else if !skipped {
            let is_item = ITEMS.iter().any(|item| trimmed.starts_with(item));
            if is_item && !documented && !trimmed.contains("fn new(") && !trimmed.contains('$') {
                let what = format!("no documentation of `{}`", trimmed.trim_end_matches('{'));
                violations.push(format!("{}:{}: {what}", source.path, number + 1));
            }
            documented = false;
        }
    }
    violations
}

const ITEMS: &[&str] = &[
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub type ",
    "pub fn ",
    "pub async fn ",
    "pub const ",
];

/// Modules for tests that aren't `x/tests.rs`, or the layer's helpers in `testing`.
pub(crate) fn test_modules(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for start in source.occurrences("#[cfg(test)]") {
        let item = source.code[start..].lines().nth(1).unwrap_or_default();
        let Some((_, module)) = item.split_once("mod ") else {
            continue;
        };
        if !["tests;", "testing;"].contains(&module) {
            let what =
                format!("`{item}`: unit tests stand in `x/tests.rs`, their helpers in `testing`");
            violations.push(source.at(start, &what));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_two_types_is_found() {
        let sources = [
            Source::new("src/a.rs", "pub struct Link;\npub enum Event {}"),
            Source::new(
                "src/b.rs",
                "pub(crate) enum Link {}\npub(crate) type Event = u8;",
            ),
            Source::new("src/c.rs", "struct Link;\npub(super) struct Link;"),
            Source::new("src/d/tests.rs", "pub(crate) struct Link;"),
        ];
        assert_eq!(duplicates(&sources), ["src/a.rs:1: Link, src/b.rs:1: Link"]);
    }

    #[test]
    fn roles_are_few() {
        assert!(ROLES.len() <= ROLES_LIMIT);
    }

    #[test]
    fn an_item_without_documentation_is_found() {
        let text = "/// A.\n#[derive(Debug)]\npub struct A {\n    pub a: u8,\n}\n\nimpl A {\n    pub fn b() {}\n}\n";
        let found = undocumented(&Source::new("src/a.rs", text));
        assert_eq!(found, ["src/a.rs:8: no documentation of `pub fn b() {}`"]);
    }

    #[test]
    fn an_inline_test_module_is_found() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod testing;\n#[cfg(test)]\nmod tests {}\n";
        let found = test_modules(&Source::new("src/a.rs", text));
        let what = "`mod tests {}`: unit tests stand in `x/tests.rs`, their helpers in `testing`";
        assert_eq!(found, [format!("src/a.rs:5: {what}")]);
    }
}
