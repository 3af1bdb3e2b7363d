//! Files and functions short enough to read in one go, and files long enough to be worth opening.

use std::collections::{BTreeMap, BTreeSet};

use super::edges::edges;
use super::source::{Source, Violation};

/// The limit on the lines of a file.
const FILE: usize = 400;
const FUNCTION: usize = 70;
/// A file with less code, which comments are not, is folded into the file that uses it, unless two others do.
const FLOOR: usize = 50;

/// Folders whose files form a series: each has its place, however short it is.
const SERIES: &[(&str, &str)] = &[
    ("src/api/", "handlers by resource"),
    ("src/check/", "subjects"),
    ("src/cli/", "verbs"),
    ("src/config/resolve/", "sections"),
    ("src/failover/", "steps"),
    ("src/kafka/admin/", "families of requests"),
    ("src/kafka/client/auth/", "mechanisms"),
    ("src/model/", "words"),
    ("src/replicate/worker/", "verbs"),
];

/// Short files that stay apart, each with the reason.
const APART: &[(&str, &str)] = &[
    (
        "src/kafka/batch/crc.rs",
        "arithmetic that knows no batch, proved by its own tests",
    ),
    (
        "src/kafka/batch/snappy.rs",
        "a format of its own, where other codecs are calls of a library",
    ),
];

/// Files with too much code.
pub(crate) fn files(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines; a file has at most {FILE}");
    (lines > FILE)
        .then(|| source.at(0, &what))
        .into_iter()
        .collect()
}

/// Files with too little code that fewer than two others use.
pub(crate) fn fragments(sources: &[Source]) -> Vec<Violation> {
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges(sources).iter().filter(|edge| !edge.reexport) {
        let users = users.entry(&edge.to.path).or_default();
        users.insert(&edge.from.path);
    }
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| !is_exempt(source)) {
        let lines = source.text.lines().filter(|line| is_code(line)).count();
        let users = users.get(&*source.path);
        let is_fragment = lines < FLOOR && users.is_none_or(|users| users.len() < 2);
        let is_apart = APART.iter().any(|(apart, _)| source.path == *apart);
        if is_fragment && !is_apart {
            let by = users.and_then(|users| users.first()).unwrap_or(&"no type");
            let what = format!("{lines} lines of code, used by {by}: fold it into a neighbour");
            violations.push(source.at(0, &what));
        } else if is_apart && !is_fragment {
            violations.push(source.at(0, "no fragment any more: remove it from APART"));
        }
    }
    violations
}

fn is_exempt(source: &Source) -> bool {
    let path = &*source.path;
    let roots = ["/mod.rs", "src/lib.rs", "src/main.rs"];
    source.is_test()
        || roots.iter().any(|root| path.ends_with(root))
        || SERIES.iter().any(|(series, _)| path.starts_with(series))
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

/// Functions with too many lines, from `fn` to the closing brace.
pub(crate) fn functions(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for start in source.occurrences("fn") {
        let Some(body) = body(&source.code[start..]) else {
            continue;
        };
        let lines = body.matches('\n').count() + 1;
        if lines > FUNCTION {
            let what = format!("a function of {lines} lines; at most {FUNCTION}");
            violations.push(source.at(start, &what));
        }
    }
    violations
}

/// A function from `fn` to its closing brace; `None` for a function type or a declaration.
fn body(code: &str) -> Option<&str> {
    let name = code["fn".len()..].trim_start();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let mut depth = 0_usize;
    for (position, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(&code[..=position]);
                }
            }
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(lines: usize) -> String {
        "a();\n".repeat(lines)
    }

    #[test]
    fn a_long_file_is_found() {
        let found = |text: &str| files(&Source::new("src/a.rs", text));
        assert_eq!(found(&code(400)), Vec::<Violation>::new());
        assert_eq!(
            found(&code(401)),
            ["src/a.rs:1: 401 lines; a file has at most 400"]
        );
    }

    #[test]
    fn a_short_file_is_found_unless_two_others_use_it() {
        let source = |path: &str, text: &str| Source::new(path, text);
        let user = |path: &str| source(path, &format!("use crate::a::A;\n{}", code(49)));
        let mut sources = vec![
            source("src/lib.rs", "mod a;\nmod b;\nmod c;"),
            source("src/a.rs", "//! A.\n\n/// A.\npub struct A;"),
            source("src/model/d.rs", "pub struct D;"),
            user("src/b.rs"),
        ];
        assert_eq!(
            fragments(&sources),
            ["src/a.rs:1: 1 lines of code, used by src/b.rs: fold it into a neighbour"]
        );
        sources.push(user("src/c.rs"));
        assert_eq!(fragments(&sources), Vec::<Violation>::new());
    }

    #[test]
    fn a_long_function_is_found() {
        let function = |lines: usize| {
            let text = format!(
                "impl A {{\n    fn ok(f: fn(u8), g: [u8; 2]) -> u8;\n    fn f(a: [u8; 2]) -> fn() {{{} }}\n}}\n{}",
                "\n".repeat(lines - 1),
                "\n".repeat(100)
            );
            functions(&Source::new("src/a.rs", &text))
        };
        assert_eq!(function(70), Vec::<Violation>::new());
        assert_eq!(
            function(71),
            ["src/a.rs:3: a function of 71 lines; at most 70"]
        );
    }
}
