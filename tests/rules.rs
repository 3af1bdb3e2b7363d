//! The project rules that no compiler checks: layers, sizes, and banned words.
//!
//! Each rule also has a test that it finds a planted violation.

#[path = "rules/circles.rs"]
mod circles;
#[path = "rules/docs.rs"]
mod docs;
#[path = "rules/edges.rs"]
mod edges;
#[path = "rules/english.rs"]
mod english;
#[path = "rules/layers.rs"]
mod layers;
#[path = "rules/names.rs"]
mod names;
#[path = "rules/scan.rs"]
mod scan;
#[path = "rules/size.rs"]
mod size;
#[path = "rules/source.rs"]
mod source;
#[path = "rules/words.rs"]
mod words;

use source::{Source, Violation};

/// Panics with every violation of a per-file rule in these folders.
fn enforce(folders: &[&str], rule: fn(&Source) -> Vec<Violation>) {
    let violations: Vec<Violation> = Source::all(folders).iter().flat_map(rule).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Panics with every violation of a rule over all files in these folders.
fn enforce_on_all(folders: &[&str], rule: fn(&[Source]) -> Vec<Violation>) {
    let violations = rule(&Source::all(folders));
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn modules_use_only_their_layer_and_those_above() {
    enforce(&["src"], layers::imports);
}

#[test]
fn modules_use_only_items_defined_in_their_layer_and_those_above() {
    enforce_on_all(&["src"], layers::definitions);
}

#[test]
fn pure_modules_neither_wait_nor_look_at_clocks_nor_log() {
    enforce(&["src"], layers::purity);
}

#[test]
fn modules_know_nothing_they_must_not() {
    enforce(&["src"], layers::absences);
}

#[test]
fn no_import_circle_between_files() {
    enforce_on_all(&["src"], circles::circles);
}

#[test]
fn files_are_short() {
    enforce(&["src", "tests"], size::files);
}

#[test]
fn files_are_no_fragments() {
    enforce_on_all(&["src"], size::fragments);
}

#[test]
fn unit_tests_stand_in_files_of_their_own() {
    enforce(&["src"], names::test_modules);
}

#[test]
fn functions_are_short() {
    enforce(&["src", "tests"], size::functions);
}

#[test]
fn no_banned_word_is_said() {
    enforce(&["src", "tests"], words::bans);
}

#[test]
fn comments_are_in_plain_english() {
    enforce(&["src", "tests"], english::comments);
}

#[test]
fn documents_are_in_plain_english() {
    let violations: Vec<Violation> = docs::all()
        .iter()
        .flat_map(|(path, text)| english::prose(path, text))
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn one_name_means_one_type() {
    enforce_on_all(&["src"], names::duplicates);
}

#[test]
fn public_items_are_documented() {
    enforce(&["src"], names::undocumented);
}

#[test]
fn every_file_says_what_it_promises() {
    enforce(&["src", "tests"], words::headers);
}

#[test]
fn tests_named_in_documents_exist() {
    let document = include_str!("../docs/faults.md");
    let missing = docs::missing_tests(document, &Source::all(&["src", "tests"]));
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}
