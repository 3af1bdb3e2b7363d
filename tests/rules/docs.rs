//! The tests that the documents refer to exist.

use super::source::{Source, Violation};

/// Test names that a document gives as `module::name` but no source defines.
pub(crate) fn missing_tests(document: &str, sources: &[Source]) -> Vec<Violation> {
    let named = document.split('`').skip(1).step_by(2);
    let named = named.filter(|name| name.contains("::") && !name.contains(' '));
    let is_missing = |name: &&str| {
        let last = name.rsplit("::").next().unwrap_or(name);
        let definition = format!("fn {last}(");
        !sources.iter().any(|it| it.code.contains(&definition))
    };
    named
        .filter(is_missing)
        .map(|name| format!("no test is called {name}"))
        .collect()
}

#[test]
fn a_missing_test_is_found() {
    let sources = [Source::new("tests/a.rs", "fn b() {}")];
    let found = missing_tests("`a::b`, `a::c`, `a b::c`, `b`", &sources);
    assert_eq!(found, ["no test is called a::c"]);
}
