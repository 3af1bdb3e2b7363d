//! No circular dependencies between files: each file can be read after those it uses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::edges::edges;
use super::source::{Source, Violation};

/// By file, the files it uses, each with the items used and the line of their first use.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<String, usize>>>;

/// Circles of files in `src/`: a shortest one for each set of files that all lead to each other.
pub(crate) fn circles(sources: &[Source]) -> Vec<Violation> {
    let edges = edges(sources);
    let mut graph = Graph::new();
    for edge in edges.iter().filter(|edge| !edge.reexport) {
        let used = graph.entry(&edge.from.path).or_default();
        let items = used.entry(&edge.to.path).or_default();
        let line = items.entry(edge.item.clone()).or_insert(usize::MAX);
        *line = (*line).min(edge.from.line(edge.at));
    }
    let components = components(&graph);
    components
        .iter()
        .map(|files| report(&graph, files))
        .collect()
}

/// The sets of two or more files that all lead to each other.
fn components<'a>(graph: &Graph<'a>) -> Vec<BTreeSet<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|file| (*file, reach(graph, file)))
        .collect();
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for file in graph.keys().copied() {
        if leads(file, file) && !found.iter().any(|files| files.contains(file)) {
            let others = reached[file].iter().copied();
            found.push(others.filter(|other| leads(other, file)).collect());
        }
    }
    found
}

/// The files that a file leads to; includes itself only through a circle.
fn reach<'a>(graph: &Graph<'a>, file: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for used in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*used) {
                next.push(used);
            }
        }
    }
    found
}

/// A shortest circle that starts at a file.
fn circle<'a>(graph: &Graph<'a>, file: &'a str) -> Vec<&'a str> {
    let mut ways = VecDeque::from([vec![file]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way[way.len() - 1];
        for used in graph.get(last).into_iter().flat_map(BTreeMap::keys) {
            if *used == file {
                return way;
            }
            if seen.insert(*used) {
                ways.push_back([&way[..], &[*used]].concat());
            }
        }
    }
    Vec::new()
}

fn report<'a>(graph: &Graph<'a>, files: &BTreeSet<&'a str>) -> Violation {
    let circles = files.iter().map(|file| circle(graph, file));
    let shortest = circles.min_by_key(Vec::len).unwrap_or_default();
    let mut lines = vec![format!(
        "{} files lead to each other; a shortest circle:",
        files.len()
    )];
    for (index, file) in shortest.iter().enumerate() {
        let used = shortest[(index + 1) % shortest.len()];
        let items = &graph[file][used];
        let names: Vec<_> = items.keys().map(String::as_str).collect();
        let line = items.values().min().unwrap_or(&0);
        let names = names.join(", ");
        lines.push(format!("  {file}:{line} uses {names} of {used}"));
    }
    let others: Vec<_> = files
        .iter()
        .filter(|file| !shortest.contains(file))
        .collect();
    if !others.is_empty() {
        let others: Vec<_> = others.into_iter().copied().collect();
        lines.push(format!("  the others: {}", others.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles found in these files, whose modules are in the crate root.
    fn found(files: &[(&str, &str)]) -> Vec<Violation> {
        let mut sources = vec![Source::new(
            "src/lib.rs",
            "pub mod a; pub mod b; pub mod c;",
        )];
        sources.extend(files.iter().map(|(path, text)| Source::new(path, text)));
        circles(&sources)
    }

    #[test]
    fn a_circle_of_two_files_is_found_and_told_with_its_items() {
        let a = "\nuse crate::b::{B, C};\npub struct A;";
        let b = "pub struct B;\npub struct C;\nuse super::a::A as Other;";
        assert_eq!(
            found(&[("src/a.rs", a), ("src/b.rs", b)]),
            ["2 files lead to each other; a shortest circle:\n  \
              src/a.rs:2 uses B, C of src/b.rs\n  src/b.rs:3 uses A of src/a.rs"]
        );
    }

    #[test]
    fn a_circle_over_three_files_is_found_with_all_that_hangs_together() {
        let circle = [
            ("src/a.rs", "use crate::b::B; pub struct A;"),
            ("src/b.rs", "use crate::c::C; pub struct B;"),
            ("src/c.rs", "use crate::a::A; pub struct C;"),
            ("src/d.rs", "use crate::a::A;"),
        ];
        let told = found(&circle);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("3 files"), "{told:?}");
        let wider = [
            &circle[..3],
            &[("src/d.rs", "use crate::a::A; pub struct D;")],
        ]
        .concat();
        let b = ("src/b.rs", "use crate::{c::C, d::D}; pub struct B;");
        let told = found(&[wider[0], b, wider[2], wider[3]]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("4 files"), "{told:?}");
        assert!(told[0].ends_with("the others: src/d.rs"), "{told:?}");
    }

    #[test]
    fn two_circles_are_told_apart() {
        let told = found(&[
            (
                "src/a.rs",
                "use crate::b::B; pub struct A; use crate::c::C;",
            ),
            ("src/b.rs", "use crate::a::A; pub struct B;"),
            ("src/c.rs", "use crate::d::D; pub struct C;"),
            ("src/d.rs", "use crate::c::C; pub struct D;"),
        ]);
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn however_the_way_back_is_written_it_is_found() {
        for b in [
            "fn f() -> crate::a::A {}",
            "fn f(a: super::a::A) {}",
            "use crate::a; fn f() { a::g() }",
            "use crate::a as other; fn f() { let x = Some(other::N); }",
            "use crate::{a::{self, M}}; fn f() {}",
            "fn f() { use crate::a::g; g() }",
            "fn f() { assert_eq!(crate::a::N, 1); }",
            "fn f() { g(0..crate::a::N) }",
            "mod inner { use super::super::a::A; }",
            "mod inner { pub use crate::a::A; } fn f(a: inner::A) {}",
            "pub use crate::a::A; struct Own(A);",
            "pub use crate::a::g; fn f() { g() }",
            "use crate::a::*; fn f(a: A) {}",
            "use crate::a::E::One; fn f() {}",
            "use crate::a::Made; fn f() {}",
            "fn f(a: Vec<crate::c::A>) {}",
            "use crate::c::renamed; fn f() { renamed() }",
            "use crate::c::from_glob::T; fn f() {}",
            "fn f(h: fn(u8) -> u8) {} use crate::a::A;",
            "fn f() { let crate::a::A = x; }",
            "macro_rules! m { () => { $crate::a::A } }",
            "#[cfg(not(test))] use crate::a::A;",
            "#[cfg(test)] use x::Y; use crate::a::A;",
            "struct S { #[cfg(test)] x: u8, y: crate::a::A }",
        ] {
            let told = found(&[
                (
                    "src/a.rs",
                    "use crate::b::B; pub struct A; pub fn g() {} pub const N: u8 = 0; \
                     pub enum E { One } pub trait T {} pub type M = u8; made! { Made }",
                ),
                ("src/b.rs", &format!("pub struct B; {b}")),
                (
                    "src/c/mod.rs",
                    "pub use super::a::A; pub use crate::a::g as renamed;",
                ),
                ("src/c/from_glob.rs", "pub use crate::a::*;"),
            ]);
            assert_eq!(told.len(), 1, "{b}");
            assert!(told[0].starts_with("2 files"), "{b}: {told:?}");
        }
    }

    #[test]
    fn a_file_and_its_children_can_be_a_circle() {
        for child in [
            "use super::Own;",
            "fn f(own: super::Own) {}",
            "fn f() { super::g() }",
        ] {
            let told = found(&[
                ("src/a/mod.rs", "mod b; use b::B; struct Own; fn g() {}"),
                ("src/a/b.rs", &format!("pub struct B; {child}")),
            ]);
            assert_eq!(told.len(), 1, "{child}");
        }
    }

    #[test]
    fn what_is_no_use_is_no_circle() {
        for b in [
            "mod a;",
            "pub use crate::a::A; pub(crate) use super::a::{g, N};",
            "use crate::a; fn f(a: u8) { let g = a; h(g) }",
            "pub use crate::a::g; fn f(b: &B, g: u8) { b.g(); <B as T>::g(); let g = g + 1; }",
            "use crate::a; fn f() { a::made!(N); a::g!(N) }",
            "use crate::a::made; fn f() { made! { x } }",
            "pub use crate::a::g; macro_rules! m { ($g:path) => { $g() } }",
            "#[cfg(test)] mod tests { use crate::a::A; }",
            "#[cfg(test)] use crate::a::A;",
            "#[cfg(test)] impl B { fn f() -> crate::a::A { x } }",
            "#[cfg(test)] const C: [u8; 2] = { [1; 2] } + crate::a::N;",
            "// use crate::a::A;\nconst S: &str = \"crate::a::A\";",
            "fn f(b: &B) { b.g(); b.N }",
            "fn f<'A>(b: &'A B) {}",
            "use other::a::A; use crate::c::{Elsewhere, external}; fn f(e: external::A) {}",
            "use crate::c::plain; fn f() { plain::Own }",
        ] {
            let told = found(&[
                (
                    "src/a.rs",
                    "use crate::b::B; pub struct A; pub fn g() {} pub const N: u8 = 0; \
                     macro_rules! made { () => {} } pub(crate) use made;",
                ),
                ("src/b.rs", &format!("pub struct B; {b}")),
                ("src/b/tests.rs", "use crate::a::A;"),
                ("src/b_tests.rs", "use crate::a::A; pub struct B;"),
                (
                    "src/c/mod.rs",
                    "pub mod plain; pub use rdkafka as external; use crate::a::A;",
                ),
                ("src/c/plain.rs", "pub struct Own;"),
            ]);
            assert_eq!(told, Vec::<Violation>::new(), "{b}");
        }
    }

    #[test]
    fn files_for_tests_may_lead_to_each_other() {
        let circle = |declared: &str| {
            found(&[
                ("src/a.rs", declared),
                ("src/a/fake.rs", "mod inner; use inner::I; pub struct F;"),
                ("src/a/fake/inner.rs", "use super::F; pub struct I;"),
            ])
        };
        assert_eq!(
            circle("#[cfg(test)] #[allow(x)] pub(crate) mod fake;").len(),
            0
        );
        assert_eq!(
            circle("#[cfg(test)] mod other; pub(crate) mod fake;").len(),
            1
        );
    }

    #[test]
    fn a_name_of_both_a_module_and_a_function_is_what_it_is_used_as() {
        let circle = |b: &str| {
            found(&[
                (
                    "src/a/mod.rs",
                    "pub mod plan; mod leaf; pub use leaf::plan;",
                ),
                ("src/a/plan.rs", "pub struct Plan;"),
                ("src/a/leaf.rs", "use crate::b::B; pub fn plan() {}"),
                (
                    "src/b.rs",
                    &format!("pub struct B; use crate::a::plan; {b}"),
                ),
            ])
        };
        assert_eq!(circle("fn f(a: plan::Plan) {}").len(), 0);
        assert_eq!(circle("fn f() { plan() }").len(), 1);
    }
}
