//! Tables in the documents that are written by tests.

/// Asserts that a document has `table` between two marks. `FARSHORE_RENEW=1` writes it there instead.
pub(crate) fn document_has(document: &str, (begin, end): (&str, &str), table: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).expect("the table's begin");
    let (written, after) = rest.split_once(end).expect("the table's end");
    if std::env::var_os("FARSHORE_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table);
}
