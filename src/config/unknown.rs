//! Messages for unknown words: they suggest the nearest known word or list all of them.

/// The message for an unknown key.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    let hint =
        nearest(key, known).unwrap_or_else(|| format!("expected one of {}", known.join(", ")));
    format!("unknown key; {hint}")
}

/// The message for an unknown value.
pub(super) fn unknown_value(word: &str, known: &[&str]) -> String {
    format!("unknown value {word:?}; {}", suggestion(word, known))
}

/// What was meant by an unknown word: the nearest known one, or all of them.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known).unwrap_or_else(|| format!("expected one of \"{}\"", known.join("\", \"")))
}

/// Suggests the known word with the fewest edits: at most two, so that two swapped letters count, or a quarter of its length.
fn nearest(word: &str, known: &[&str]) -> Option<String> {
    let near = known
        .iter()
        .map(|candidate| (strsim::levenshtein(word, candidate), *candidate))
        .min();
    near.filter(|(edits, candidate)| *edits <= 2.max(candidate.chars().count() / 4))
        .map(|(_, candidate)| format!("did you mean \"{candidate}\"?"))
}

#[cfg(test)]
mod tests;
