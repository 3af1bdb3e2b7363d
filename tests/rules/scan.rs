//! What a file declares, imports and names, read from its tokens without understanding types.

use std::collections::BTreeSet;

use super::source::Source;

/// A module: a file, or an inline `mod` in one.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The path from the crate root, `a::b`; empty for the root itself.
    pub(crate) path: String,
    /// The items defined at the top level, except for macros and modules.
    pub(crate) definitions: BTreeSet<String>,
    /// The names imported by `use`, including inside functions.
    pub(crate) imports: Vec<Import>,
    /// The paths in the code.
    pub(crate) mentions: Vec<Mention>,
    /// Whether there is more than `mod` and `use`.
    pub(crate) has_code: bool,
}

/// One name of a `use`; `*` for a glob.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) public: bool,
    pub(crate) at: usize,
}

/// A path in the code, outside `use`.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) called: bool,
    pub(crate) at: usize,
}

/// The modules of a file, its own first, and the paths of those that exist only in tests.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) modules: Vec<Module>,
    pub(crate) test_modules: Vec<String>,
}

/// Scans a file that is the module `path`, leaving out what is marked with `#[cfg(test)]`.
pub(crate) fn scan(source: &Source, path: &str) -> Scan {
    let (tokens, tests) = without_tests(&tokens(&source.code));
    let mut scanner = Scanner {
        tokens,
        next: 0,
        found: Vec::new(),
    };
    scanner.module(path.to_owned());
    let mut modules = scanner.found;
    modules.reverse();
    Scan {
        modules,
        test_modules: tests.iter().map(|name| join(path, name)).collect(),
    }
}

/// The path of `name` in a module.
pub(crate) fn join(module: &str, name: &str) -> String {
    match module {
        "" => name.to_owned(),
        module => format!("{module}::{name}"),
    }
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    at: usize,
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::`, `..` and single characters; no lifetimes.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let length = match first {
            '\'' => 1 + rest[1..].find(|c| !in_word(c)).unwrap_or(rest.len() - 1),
            c if in_word(c) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") || rest.starts_with("..") => 2,
            c => c.len_utf8(),
        };
        if first != '\'' && !first.is_whitespace() {
            let text = &rest[..length];
            found.push(Token { text, at });
        }
        at += length;
    }
    found
}

/// Removes what is marked with `#[cfg(test)]`. Also returns the names of the `mod name;` among it.
fn without_tests<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut next = 0;
    while next < tokens.len() {
        let attribute = attribute(&tokens[next..]);
        let words: Vec<_> = attribute.iter().map(|token| token.text).collect();
        if words.get(2) == Some(&"cfg")
            && words.contains(&"test")
            && !words.contains(&"not")
            && !words.contains(&"any")
        {
            next += attribute.len();
            let marked = marked(&tokens[next..]);
            let words: Vec<_> = marked.iter().map(|token| token.text).collect();
            if let [.., "mod", name, ";"] = words[..] {
                modules.push(name.to_owned());
            }
            next += marked.len();
        } else {
            kept.push(tokens[next]);
            next += 1;
        }
    }
    (kept, modules)
}

/// The attribute at the start of the tokens; empty if there is none.
fn attribute<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    match tokens {
        [first, second, ..] if first.text == "#" && second.text == "[" => {
            &tokens[..=1 + group(&tokens[1..])]
        }
        _ => &[],
    }
}

/// The index of the bracket that closes the one at the start.
fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

/// What an attribute before these tokens applies to: an item, or a field, variant, arm or statement.
fn marked<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    const ITEMS: &[&str] = &[
        "mod", "use", "fn", "impl", "struct", "enum", "const", "static", "type", "trait", "async",
        "unsafe", "extern",
    ];
    let mut index = 0;
    loop {
        let length = attribute(&tokens[index..]).len();
        if length == 0 {
            break;
        }
        index += length;
    }
    if tokens.get(index).is_some_and(|token| token.text == "pub") {
        index += 1;
        if tokens.get(index).is_some_and(|token| token.text == "(") {
            index += group(&tokens[index..]) + 1;
        }
    }
    let first = tokens.get(index).map_or("", |token| token.text);
    let item = ITEMS.contains(&first);
    let second = tokens.get(index + 1).map_or("", |token| token.text);
    let to_semicolon = matches!(first, "use" | "static" | "type")
        || (first == "const" && !matches!(second, "fn" | "async" | "unsafe" | "extern"));
    while let Some(token) = tokens.get(index) {
        match token.text {
            "{" | "(" | "[" => {
                let braces = token.text == "{";
                index += group(&tokens[index..]);
                if braces && item && !to_semicolon {
                    return &tokens[..=index];
                }
            }
            ";" => return &tokens[..=index],
            "," if !item => return &tokens[..=index],
            // The end of the enclosing group.
            "}" | ")" | "]" => return &tokens[..index],
            _ => {}
        }
        index += 1;
    }
    tokens
}

struct Scanner<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Inner modules before their outer one.
    found: Vec<Module>,
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> &'a str {
        let token = self.tokens.get(self.next + ahead);
        token.map_or("", |token| token.text)
    }

    fn previous(&self) -> &'a str {
        let index = self.next.checked_sub(1);
        index.map_or("", |index| self.tokens[index].text)
    }

    /// Reads up to the brace that closes the module, or to the end.
    fn module(&mut self, path: String) {
        let mut module = Module {
            path,
            ..Module::default()
        };
        let mut depth = 0_usize;
        while self.next < self.tokens.len() {
            match self.peek(0) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" if depth == 0 => break,
                "}" | ")" | "]" => depth -= 1,
                "pub" => {
                    self.public(&mut module);
                    continue;
                }
                "use" if self.peek(1) != "<" => {
                    self.imports(&mut module, false);
                    continue;
                }
                "mod" if self.peek(2) == "{" => {
                    let inner = join(&module.path, self.peek(1));
                    self.next += 3;
                    self.module(inner);
                }
                "mod" => self.next += 1,
                "macro_rules" if self.peek(1) == "!" => {
                    module.has_code = true;
                    self.next += 2;
                }
                word if is_name(word) => {
                    self.word(&mut module, depth == 0);
                    continue;
                }
                _ => {}
            }
            self.next += 1;
        }
        self.found.push(module);
    }

    /// Passes `pub` with its scope, and a `use` that follows.
    fn public(&mut self, module: &mut Module) {
        self.next += 1;
        if self.peek(0) == "(" && matches!(self.peek(1), "crate" | "super" | "self" | "in") {
            self.next += group(&self.tokens[self.next..]) + 1;
        }
        if self.peek(0) == "use" {
            self.imports(module, true);
        }
    }

    /// Passes a word: the start of a definition, or of a path.
    fn word(&mut self, module: &mut Module, top: bool) {
        let (word, following) = (self.peek(0), self.peek(1));
        let defines = matches!(
            word,
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static"
        );
        if top && (word == "impl" || following == "!") {
            module.has_code = true;
        }
        if defines {
            let qualifier = matches!(following, "fn" | "unsafe" | "async" | "extern" | "mut");
            let named = is_name(following) && !qualifier;
            if top && named {
                module.definitions.insert(following.to_owned());
                module.has_code = true;
            }
            // A defined name isn't a mention.
            self.next += if named { 2 } else { 1 };
            return;
        }
        let alone = match self.previous() {
            "." | "::" => false,
            "$" => word == "crate",
            _ => true,
        };
        let at = self.tokens[self.next].at;
        let mut path = vec![word.to_owned()];
        self.next += 1;
        while self.peek(0) == "::" && is_name(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.next += 2;
        }
        let called = self.peek(0) == "(";
        if alone && self.peek(0) != "!" {
            module.mentions.push(Mention { path, called, at });
        }
    }

    fn imports(&mut self, module: &mut Module, public: bool) {
        self.next += 1;
        self.tree(&[], public, &mut module.imports);
        while !matches!(self.peek(0), ";" | "") {
            self.next += 1;
        }
    }

    /// Passes one branch of a `use`, below the branches that lead to it.
    fn tree(&mut self, stem: &[String], public: bool, found: &mut Vec<Import>) {
        let mut path = stem.to_vec();
        let at = loop {
            match self.peek(0) {
                "{" => {
                    self.next += 1;
                    while !matches!(self.peek(0), "}" | "") {
                        self.tree(&path, public, found);
                        if self.peek(0) == "," {
                            self.next += 1;
                        }
                    }
                    self.next += 1;
                    return;
                }
                "::" => self.next += 1,
                word if is_name(word) || word == "*" => {
                    let at = self.tokens[self.next].at;
                    path.push(word.to_owned());
                    self.next += 1;
                    if self.peek(0) != "::" {
                        break at;
                    }
                }
                _ => return self.next += 1,
            }
        };
        let mut name = path.last().cloned().unwrap_or_default();
        if name == "self" || name == "*" {
            path.pop();
        }
        if name == "self" {
            name = path.last().cloned().unwrap_or_default();
        }
        if self.peek(0) == "as" {
            self.peek(1).clone_into(&mut name);
            self.next += 2;
        }
        found.push(Import {
            name,
            path,
            public,
            at,
        });
    }
}
