use super::*;

#[test]
fn columns_line_up_and_lines_end_with_text() {
    let mut table = Table::new([
        ("TOPIC", Align::Left),
        ("LAG", Align::Right),
        ("WHY", Align::Left),
    ]);
    table.row(["größe".to_owned(), "12345".to_owned(), String::new()]);
    table.row(["a".to_owned(), "1".to_owned(), "x".to_owned()]);
    assert_eq!(
        table.to_string(),
        "TOPIC    LAG  WHY\ngröße  12345\na          1  x\n"
    );
}

#[test]
fn a_long_cell_makes_its_own_row_longer_and_no_cell_breaks_one() {
    let mut table = Table::new([("GROUP", Align::Left), ("LAG", Align::Right)]);
    let long = "g".repeat(249);
    table.row([long.clone(), "1".to_owned()]);
    table.row(["a\u{1b}[2Jb\nc\u{9b}".to_owned(), "12".to_owned()]);
    let escaped = "a\\u{1b}[2Jb\\nc\\u{9b}";
    assert_eq!(
        table.to_string(),
        format!(
            "GROUP{}  LAG\n{long}    1\n{escaped}   12\n",
            " ".repeat(escaped.len() - 5)
        )
    );
}
