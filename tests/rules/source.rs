//! Rust sources as the rules see them: code without comments and literals, line for line.

use std::fs;
use std::path::Path;

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path from the root of the checkout.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and the contents of literals blanked; every line and column is unchanged.
    pub(crate) code: String,
}

/// A violation of a rule: its location and description.
pub(crate) type Violation = String;

impl Source {
    /// A file with the given text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blank(text),
        }
    }

    /// Every Rust file below these folders of the checkout.
    pub(crate) fn all(folders: &[&str]) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        for folder in folders {
            collect(root, &root.join(folder), &mut found);
        }
        assert!(!found.is_empty(), "no sources below {folders:?}");
        found
    }

    /// Whether it is a test: below `tests/`, or a file of unit tests or their helpers in `src/`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || ["/tests.rs", "/testing.rs"]
                .iter()
                .any(|it| self.path.ends_with(it))
            || ["/tests/", "/testing/"]
                .iter()
                .any(|it| self.path.contains(it))
    }

    /// The module of a file in `src/`; `lib` for the crate root.
    pub(crate) fn module(&self) -> Option<String> {
        let path = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let path = path.strip_suffix("/mod").unwrap_or(path);
        Some(path.replace('/', "::"))
    }

    /// A violation at a byte of the code.
    pub(crate) fn at(&self, position: usize, what: &str) -> Violation {
        format!("{}:{}: {what}", self.path, self.line(position))
    }

    /// The line of a byte of the code, from 1.
    pub(crate) fn line(&self, position: usize) -> usize {
        self.code[..position].matches('\n').count() + 1
    }

    /// The positions at which the code contains exactly these words, not as part of a longer identifier.
    pub(crate) fn occurrences(&self, words: &str) -> Vec<usize> {
        let part_of_name = |c: &char| c.is_alphanumeric() || *c == '_';
        let inside_name = |one: Option<char>, other: Option<char>| {
            one.as_ref().is_some_and(part_of_name) && other.as_ref().is_some_and(part_of_name)
        };
        let whole = |start: &usize| {
            let (before, after) = (&self.code[..*start], &self.code[start + words.len()..]);
            !inside_name(before.chars().next_back(), words.chars().next())
                && !inside_name(words.chars().next_back(), after.chars().next())
        };
        let starts = self.code.match_indices(words).map(|(start, _)| start);
        starts.filter(whole).collect()
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a folder of the checkout")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let relative = path.strip_prefix(root).expect("a path in the checkout");
            found.push(Source::new(&relative.to_string_lossy(), &text));
        }
    }
}

/// Blanks comments and the contents of literals.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_name = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (length, literal) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), true),
            '/' if rest.starts_with("/*") => (block_comment(rest), true),
            '"' => (string(rest), true),
            'r' | 'b' | 'c' if !after_name => match prefixed_string(rest) {
                Some(length) => (length, true),
                None => (1, false),
            },
            '\'' => match character(rest) {
                Some(length) => (length, true),
                None => (1, false),
            },
            other => (other.len_utf8(), false),
        };
        let (token, remaining) = rest.split_at(length);
        if literal {
            // Byte for byte, so that positions in the code are positions in the text.
            code.extend(
                token
                    .bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            );
        } else {
            code.push_str(token);
        }
        rest = remaining;
    }
    code
}

/// The length of a block comment, which may contain others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while position < text.len() {
        let rest = &text.as_bytes()[position..];
        if rest.starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += 1;
        }
    }
    text.len()
}

/// The length of a string literal with escapes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return position + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal like `r#""#`, `b""` or `cr""`, if one starts here.
fn prefixed_string(text: &str) -> Option<usize> {
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    let hashes = text[prefix..].find(|c| c != '#')?;
    let raw = text[..prefix].ends_with('r');
    if prefix > 2 || !text[prefix + hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    let inside = prefix + hashes + 1;
    if !raw {
        return Some(prefix + string(&text[prefix..]));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text[inside..].find(&end)?;
    Some(inside + length + end.len())
}

/// The length of a character literal; `None` if it is a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    match characters.next()?.1 {
        '\\' => text[3..].find('\'').map(|length| 3 + length + 1),
        _ => match characters.next()? {
            (position, '\'') => Some(position + 1),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_stays_in_place() {
        let text = "let a = \"x } // \\\" y\"; // tail {\nlet b = r#\"{ \" \"#; /* { /* { */ */ let c = '{';\nfn d<'a>(e: &'a str) -> [u8; 2] { *b\"{{\" }\nlet r#type = '\\''; let f = br\"é\";";
        let expected = [
            "let a =              ;          ",
            "let b =          ;                 let c =    ;",
            "fn d<'a>(e: &'a str) -> [u8; 2] { *      }",
            "let r#type =     ; let f =       ;",
        ];
        assert_eq!(blank(text), expected.join("\n"));
        assert_eq!(blank(text).len(), text.len());
    }

    #[test]
    fn words_are_found_whole() {
        let source = Source::new(
            "src/a.rs",
            "a::spawn(); aa::spawn(); a::spawned();\na::spawn",
        );
        assert_eq!(source.occurrences("a::spawn"), [0, 39]);
        assert_eq!(source.at(39, "spawns"), "src/a.rs:2: spawns");
    }
}
