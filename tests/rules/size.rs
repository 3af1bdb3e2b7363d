//! Files and functions short enough to read in one go.

use super::source::{Source, Violation};

const FILE: usize = 400;
const FUNCTION: usize = 70;

/// Files with too many lines.
pub(crate) fn files(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines; a file has at most {FILE}");
    (lines > FILE)
        .then(|| source.at(0, &what))
        .into_iter()
        .collect()
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

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(files(&Source::new("src/a.rs", &"\n".repeat(400))).len(), 0);
        assert_eq!(files(&Source::new("src/a.rs", &"\n".repeat(401))).len(), 1);
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
