//! Turns of phrase that no native engineer would write, in comments and documents.

use super::source::{Source, Violation};

/// What isn't written, and what is written instead.
const PHRASES: &[(&str, &str)] = &[
    ("whoever", "name the part of the program"),
    ("whomever", "name the part of the program"),
    ("whom", "name the part of the program"),
    ("such one", "name it"),
    ("such ones", "name them"),
    ("such a one", "name it"),
    ("so many", "name the number"),
    ("so much", "name the amount"),
    ("its like", "others of its kind"),
    ("their like", "others of their kind"),
    ("came of it", "the outcome"),
    ("came of them", "the outcome"),
    ("comes of it", "the outcome"),
    ("become of it", "what happens to it"),
    ("becomes of it", "what happens to it"),
    ("became of it", "what happened to it"),
    ("comes to", "amounts to, or says"),
    ("stands", "is, or is stored"),
    ("stood", "was, or was stored"),
    ("for want of", "without"),
    ("of its own accord", "by itself"),
    ("is to be", "will be, or has to be"),
];

/// Uses of the words above that are right.
const RIGHT: &[&str] = &["stands for", "stands by"];

/// Phrases in comments of a source file.
pub(crate) fn comments(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().enumerate();
    let comments = lines.filter(|(_, line)| line.trim_start().starts_with("//"));
    let mut violations = Vec::new();
    for (number, line) in comments {
        violations.extend(phrases(&source.path, number + 1, line));
    }
    violations
}

/// Phrases in the prose of a document.
pub(crate) fn prose(path: &str, text: &str) -> Vec<Violation> {
    let mut is_code = false;
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            violations.extend(phrases(path, number + 1, line));
        }
    }
    violations
}

fn phrases(path: &str, number: usize, line: &str) -> Vec<Violation> {
    // What is quoted is what the program says, or a name.
    let mut line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    line.make_ascii_lowercase();
    for right in RIGHT {
        line = line.replace(right, "");
    }
    let found = PHRASES.iter().filter(|(phrase, _)| has(&line, phrase));
    found
        .map(|(phrase, instead)| format!("{path}:{number}: \"{phrase}\": {instead}"))
        .collect()
}

/// Whether a line has a phrase that isn't a part of longer words.
fn has(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + phrase.len()..]);
        let inside = |c: char| c.is_alphanumeric();
        !before.ends_with(inside) && !after.starts_with(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_found_in_comments_and_prose() {
        for (phrase, _) in PHRASES {
            let text = format!("fn a() {{}}\n    /// It {phrase}.\n");
            let found = comments(&Source::new("src/a.rs", &text));
            assert_eq!(found.len(), 1, "{phrase}: {found:?}");
            assert!(found[0].starts_with("src/a.rs:2: "), "{found:?}");
            assert_eq!(prose("a.md", &format!("It {phrase}.")).len(), 1);
        }
    }

    #[test]
    fn code_quotations_and_parts_of_words_are_not_looked_at() {
        let text = "let whoever = \"so many\";\n// The field `so many` and a somanyth.\n";
        assert_eq!(comments(&Source::new("src/a.rs", text)).len(), 0);
        assert_eq!(
            prose("a.md", "```\nso many\n```\nIt stands for one.").len(),
            0
        );
        assert_eq!(prose("a.md", "```\nso many\n```\nIt stands.").len(), 1);
    }
}
