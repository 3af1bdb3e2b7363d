//! The known word most similar to a mistyped one.

/// Returns the candidate with the fewest edits to `word`: at most two, to allow for two swapped letters, or a quarter of
/// its length.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (edits(word, candidate), *candidate))
        .min()
        .filter(|(edits, candidate)| *edits <= 2.max(candidate.chars().count() / 4))
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance: insertions, deletions and replacements of characters.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["start", "source", "topics", "topics_exclude"];
        assert_eq!(nearest("strat", &known), Some("start"));
        assert_eq!(nearest("topic", &known), Some("topics"));
        assert_eq!(nearest("exclude_topics", &known), None);
        assert_eq!(nearest("bananas", &known), None);
    }
}
