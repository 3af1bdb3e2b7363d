//! Which file uses which: every name is followed through re-exports to the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{Import, Module, join, scan};
use super::source::Source;

/// One use of an item in another file.
#[derive(Debug)]
pub(crate) struct Edge<'a> {
    pub(crate) from: &'a Source,
    pub(crate) to: &'a Source,
    pub(crate) item: String,
    /// The position in the code of `from`.
    pub(crate) at: usize,
    /// Whether this is a `pub use`, which only passes the item on.
    pub(crate) reexport: bool,
}

/// The uses between the files of `src/`, without tests.
///
/// Methods aren't followed, since that would take types, and neither are macros. An item not found in a module (a macro may
/// define it) is assumed to be in the module's own file, if that contains any code.
pub(crate) fn edges(sources: &[Source]) -> Vec<Edge<'_>> {
    let tree = Tree::new(sources);
    let mut found = Vec::new();
    for module in 0..tree.modules.len() {
        tree.edges_of(module, &mut found);
    }
    found
}

/// The target of a path.
#[derive(Debug, Clone)]
enum Target<'a> {
    Module(usize),
    Item(&'a Source, String),
    /// Another crate, a macro, or unknown.
    Elsewhere,
}

/// The maximum length of a chain of imports, because an import can seem to import itself.
const HOPS: usize = 12;

struct Tree<'a> {
    modules: Vec<(&'a Source, Module)>,
    by_path: BTreeMap<String, usize>,
}

impl<'a> Tree<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let mut modules = Vec::new();
        let mut tests = BTreeSet::new();
        for source in sources.iter().filter(|source| !source.is_test()) {
            if let Some(path) = source.module() {
                let root = path == "lib";
                let found = scan(source, if root { "" } else { &path });
                modules.extend(found.modules.into_iter().map(|module| (source, module)));
                tests.extend(found.test_modules);
            }
        }
        let in_test = |path: &str| {
            let ends = path.match_indices("::").map(|(end, _)| end);
            ends.chain([path.len()])
                .any(|end| tests.contains(&path[..end]))
        };
        modules.retain(|(_, module)| !in_test(&module.path));
        let paths = modules.iter().enumerate();
        let by_path: BTreeMap<_, _> = paths
            .map(|(index, (_, module))| (module.path.clone(), index))
            .collect();
        assert!(by_path.contains_key(""), "no src/lib.rs");
        Self { modules, by_path }
    }

    fn edges_of(&self, module: usize, found: &mut Vec<Edge<'a>>) {
        let (from, own) = &self.modules[module];
        let mut edge = |target: Target<'a>, at: usize, reexport: bool| match target {
            Target::Item(to, item) if to.path != from.path => found.push(Edge {
                from,
                to,
                item,
                at,
                reexport,
            }),
            _ => {}
        };
        for import in &own.imports {
            // If `use` names both a module and an item, only the code shows which of them is used.
            let target = self.resolve(module, &import.path, !import.public, HOPS);
            edge(target, import.at, import.public);
        }
        for mention in &own.mentions {
            let single = mention.path.len() == 1;
            let variable = mention.path[0].starts_with(|c: char| c.is_lowercase());
            if !single || !variable || mention.called {
                edge(
                    self.resolve(module, &mention.path, false, HOPS),
                    mention.at,
                    false,
                );
            }
        }
    }

    /// Resolves a path written in a module. The last name is taken as a module rather than an item if it can be both and
    /// `module_first` is set.
    fn resolve(
        &self,
        module: usize,
        path: &[String],
        module_first: bool,
        hops: usize,
    ) -> Target<'a> {
        let Some(hops) = hops.checked_sub(1) else {
            return Target::Elsewhere;
        };
        let mut reached = Target::Module(module);
        for (index, name) in path.iter().enumerate() {
            let Target::Module(here) = reached else {
                return reached;
            };
            let module_first = module_first || index + 1 < path.len();
            reached = match name.as_str() {
                "self" => reached,
                "super" => self.module(self.parent(here)),
                "crate" if index == 0 => self.module(""),
                _ => match self.lookup(here, name, module_first, hops) {
                    Some(target) => target,
                    None if index == 0 && name == env!("CARGO_PKG_NAME") => self.module(""),
                    None if index == 0 => Target::Elsewhere,
                    None => self.unknown(here, name),
                },
            };
        }
        reached
    }

    fn module(&self, path: &str) -> Target<'a> {
        let index = self.by_path.get(path);
        index.map_or(Target::Elsewhere, |index| Target::Module(*index))
    }

    fn parent(&self, module: usize) -> &str {
        let path = &self.modules[module].1.path;
        path.rsplit_once("::").map_or("", |(parent, _)| parent)
    }

    /// Resolves a name in a module.
    fn lookup(
        &self,
        module: usize,
        name: &str,
        module_first: bool,
        hops: usize,
    ) -> Option<Target<'a>> {
        let (source, own) = &self.modules[module];
        let child = self.by_path.get(&join(&own.path, name));
        let child = child.map(|index| Target::Module(*index));
        if module_first && child.is_some() {
            return child;
        }
        if own.definitions.contains(name) {
            return Some(Target::Item(source, name.to_owned()));
        }
        let follow = |import: &Import| self.resolve(module, &import.path, module_first, hops);
        let imports = own.imports.iter().filter(|import| import.name == name);
        let known = |target: &Target<'_>| !matches!(target, Target::Elsewhere);
        let imported: Vec<_> = imports.map(follow).collect();
        if let Some(target) = imported.iter().find(|target| known(target)) {
            return Some(target.clone());
        }
        if child.is_some() {
            return child;
        }
        if !imported.is_empty() {
            return Some(Target::Elsewhere);
        }
        let mut globs = own.imports.iter().filter(|import| import.name == "*");
        globs.find_map(|glob| {
            let hops = hops.checked_sub(1)?;
            match self.resolve(module, &glob.path, true, hops) {
                Target::Module(other) if other != module => {
                    self.lookup(other, name, module_first, hops)
                }
                _ => None,
            }
        })
    }

    /// The target of a name that isn't found in a module.
    fn unknown(&self, module: usize, name: &str) -> Target<'a> {
        let (source, own) = &self.modules[module];
        if own.has_code {
            Target::Item(source, name.to_owned())
        } else {
            Target::Elsewhere
        }
    }
}
