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
