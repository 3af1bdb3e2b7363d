//! The tests that the documents refer to exist.

use std::fs;
use std::path::Path;

use super::source::{Source, Violation};

/// The documents, by path, except the generated ones.
pub(crate) fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["", "docs"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder of the checkout") {
            let path = entry.expect("an entry").path();
            let is_page = path.extension().is_some_and(|extension| extension == "md");
            if is_page && !path.ends_with("lifecycle.md") {
                let text = fs::read_to_string(&path).expect("a document");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

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
