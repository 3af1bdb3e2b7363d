//! Which module may use which, as laid down in `docs/architecture.md`.

use super::edges::edges;
use super::source::{Source, Violation};

/// The modules of each layer; part of a module may be in another layer than the whole. A module may use its own layer and
/// those above it in this list.
const LAYERS: &[&[&str]] = &[
    // Words.
    &["model", "error"],
    // Pure cores.
    &[
        "offsets",
        "kafka::acl",
        "kafka::batch",
        "kafka::data::append_place",
        "replicate::fetch",
        "replicate::partition::effect",
        "replicate::partition::lifecycle",
        "replicate::partition::phase",
        "replicate::partition::route",
        "replicate::preserve::batcher",
        "replicate::preserve::filler",
        "replicate::produce",
        "replicate::resync::adopted",
        "replicate::resync::decision",
        "replicate::resync::explain",
        "replicate::resync::record_path_tail",
        "replicate::worker::receipt",
        "control::mirrored",
        "control::Mirrored",
        "control::MirroredPartition",
        "control::TargetLog",
        "control::acls::by_hand",
        "control::acls::desired",
        "control::acls::plan",
        "control::groups::commit",
        "control::groups::cut",
        "control::groups::decide",
        "control::groups::translate",
        "control::topics::configs",
        "control::topics::plan",
        "control::topics::sight",
        "app::phase",
        "failover::states",
        "failover::step",
        "failover::plan",
        "verify::comparison",
        "verify::digest",
        "verify::pending",
        "verify::tally",
    ],
    // Adapters.
    &[
        "config",
        "files",
        "kafka",
        "checkpoint",
        "journal",
        "telemetry",
        "task",
    ],
    // Loops.
    &["replicate", "control", "failover", "verify"],
    // Edges.
    &["api", "check", "cli", "clusters", "contract"],
    // Roots.
    &["app", "main", "lib"],
];

/// The first layer that may wait, read a clock or log.
const ADAPTERS: usize = 2;

/// What the layers above the adapters may not use.
const IMPURE: &[&str] = &[
    "tokio",
    "tracing",
    "Instant",
    "SystemTime",
    "std::fs",
    "std::net",
    "std::thread",
];

/// What a module must not mention although its layer may: the absences that keep the parts separate.
const ABSENT: &[(&str, &str)] = &[
    ("kafka", "LinkName"),
    ("replicate", "GroupId"),
    ("offsets", "crate::kafka"),
    ("api", "crate::kafka"),
];

/// Imports of a module in a lower layer. Unit tests may use the helpers of their own part in any layer.
pub(crate) fn imports(source: &Source) -> Vec<Violation> {
    let Some(module) = source.module() else {
        return Vec::new();
    };
    let Some(own) = layer_of(&module) else {
        return vec![source.at(
            0,
            "a module without a layer: give it one in tests/rules/layers.rs",
        )];
    };
    let part = module.split("::").next().unwrap_or_default();
    let helpers = format!("{part}::testing");
    let mut violations = Vec::new();
    for (position, path) in paths(source, &module) {
        match layer_of(&path) {
            Some(_) if source.is_test() && is_within(&path, &helpers) => {}
            Some(used) if used > own => {
                let what = format!("layer {own} uses {path} of layer {used}");
                violations.push(source.at(position, &what));
            }
            _ => {}
        }
    }
    violations
}

/// Uses of an item defined by a file in a lower layer, wherever it is re-exported.
pub(crate) fn definitions(sources: &[Source]) -> Vec<Violation> {
    let layer = |source: &Source| layer_of(&source.module()?);
    let mut violations = Vec::new();
    for edge in edges(sources) {
        if let (Some(own), Some(used)) = (layer(edge.from), layer(edge.to))
            && used > own
        {
            let (item, file) = (edge.item, &edge.to.path);
            let what = format!("layer {own} uses {item} of layer {used}, defined in {file}");
            violations.push(edge.from.at(edge.at, &what));
        }
    }
    violations
}

/// Waiting, clocks and logging in the pure layers.
pub(crate) fn purity(source: &Source) -> Vec<Violation> {
    let pure = source
        .module()
        .and_then(|module| layer_of(&module))
        .is_some_and(|layer| layer < ADAPTERS);
    if !pure {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for word in IMPURE {
        for position in source.occurrences(word) {
            violations.push(source.at(position, &format!("`{word}` in a pure module")));
        }
    }
    violations
}

/// Mentions that a module must not contain.
pub(crate) fn absences(source: &Source) -> Vec<Violation> {
    let Some(module) = source.module() else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    for (owner, word) in ABSENT {
        if is_within(&module, owner) {
            for position in source.occurrences(word) {
                let what = format!("{owner} knows no `{word}`");
                violations.push(source.at(position, &what));
            }
        }
    }
    violations
}

fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The layer of the longest entry that contains the path. Macros and items of the crate root have none.
fn layer_of(path: &str) -> Option<usize> {
    let entries = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(layer, modules)| modules.iter().map(move |module| (layer, *module)));
    entries
        .filter(|(_, module)| is_within(path, module))
        .max_by_key(|(_, module)| module.len())
        .map(|(layer, _)| layer)
}

/// Every path of the crate that a file names, from the crate root. `super` counts only at the start of a line: further in,
/// it is inside an inline module.
fn paths(source: &Source, module: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in source.occurrences("crate::") {
        let tree = &source.code[start + "crate::".len()..];
        expand("", tree, &mut |path| found.push((start, path)));
    }
    for start in source.occurrences("use super::") {
        let line = source.code[..start].rfind('\n').map_or(0, |end| end + 1);
        let before = &source.code[line..start];
        if !before.is_empty() && !before.starts_with("pub") {
            continue;
        }
        let mut base = module;
        let mut tree = &source.code[start + "use ".len()..];
        while let Some(rest) = tree.strip_prefix("super::") {
            base = base.rsplit_once("::").map_or("", |(parent, _)| parent);
            tree = rest;
        }
        expand(base, tree, &mut |path| found.push((start, path)));
    }
    found
}

/// Calls `found` with each path of a use tree (`a::{b, c::d}`) below a base. Returns the rest after the tree.
fn expand<'a>(base: &str, tree: &'a str, found: &mut dyn FnMut(String)) -> &'a str {
    let tree = tree.trim_start();
    if let Some(mut rest) = tree.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return rest;
            }
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            rest = expand(base, rest, found);
            // Skip to the next branch, past `as name` and the comma.
            rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }
    let end = tree
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    let path = match (base, name) {
        (base, "" | "self") => base.to_owned(),
        ("", name) => name.to_owned(),
        (base, name) => format!("{base}::{name}"),
    };
    if let Some(rest) = rest.strip_prefix("::") {
        return expand(&path, rest, found);
    }
    found(path);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Source) -> Vec<Violation>, path: &str, text: &str) -> Vec<Violation> {
        rule(&Source::new(path, text))
    }

    #[test]
    fn an_import_of_a_lower_module_is_found_however_it_is_written() {
        for text in [
            "use crate::replicate::LinkView;",
            "use crate::{error::Error, replicate::{self}};",
            "use crate::{\n    replicate as r,\n    error::Error,\n};",
            "fn f() -> crate::replicate::LinkView {}",
            "use super::replicate;",
            "pub(crate) use super::{error, replicate::LinkView};",
        ] {
            let found = check(imports, "src/task/mod.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
        let found = check(
            imports,
            "src/failover/step/tests.rs",
            "use super::super::runner::X;",
        );
        assert_eq!(
            found,
            ["src/failover/step/tests.rs:1: layer 1 uses failover::runner::X of layer 3"]
        );
    }

    #[test]
    fn other_imports_are_not() {
        for (path, text) in [
            (
                "src/replicate/worker.rs",
                "use crate::{error::Error, kafka::{batch, client::Cluster}, task};",
            ),
            (
                "src/failover/step.rs",
                "use super::states::State;\nmod tests {\n    use super::*;\n}",
            ),
            (
                "src/kafka/batch/mod.rs",
                "use crate::error::Error; // not crate::api",
            ),
            (
                "src/failover/step/tests.rs",
                "use crate::failover::testing::moves;",
            ),
            ("tests/bed.rs", "use crate::support;"),
        ] {
            assert_eq!(check(imports, path, text), Vec::<Violation>::new());
        }
    }

    #[test]
    fn an_item_re_exported_from_a_lower_module_is_found() {
        let sources = [
            Source::new("src/lib.rs", ""),
            Source::new(
                "src/kafka/mod.rs",
                "pub use crate::verify::{Finding, check};",
            ),
            Source::new(
                "src/verify/mod.rs",
                "pub mod check; pub fn check() {} pub struct Finding;",
            ),
            Source::new("src/verify/check.rs", ""),
            Source::new("src/task/mod.rs", "use crate::kafka::Finding;"),
        ];
        let found = definitions(&sources);
        let uses = |module: &str, item: &str| {
            let what = "of layer 3, defined in src/verify/mod.rs";
            format!("src/{module}/mod.rs:1: layer 2 uses {item} {what}")
        };
        let expected = [
            uses("kafka", "Finding"),
            uses("kafka", "check"),
            uses("task", "Finding"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_module_without_a_layer_is_found() {
        assert_eq!(check(imports, "src/news/mod.rs", "").len(), 1);
    }

    #[test]
    fn clocks_and_tasks_in_a_pure_module_are_found() {
        let text = "use std::time::Instant;\nasync fn f() { tokio::task::yield_now().await }";
        assert_eq!(check(purity, "src/offsets/map.rs", text).len(), 2);
        assert_eq!(check(purity, "src/failover/plan.rs", text).len(), 2);
        assert_eq!(check(purity, "src/failover/runner.rs", text).len(), 0);
    }

    #[test]
    fn forbidden_knowledge_is_found() {
        assert_eq!(
            check(absences, "src/kafka/client/pool.rs", "link: LinkName").len(),
            1
        );
        assert_eq!(
            check(absences, "src/api/links.rs", "use crate::kafka::client;").len(),
            1
        );
        assert_eq!(
            check(absences, "src/control/groups.rs", "group: GroupId").len(),
            0
        );
    }
}
