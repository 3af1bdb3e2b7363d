use super::*;

#[test]
fn starts() {
    let read = |text: &str| Start::read(text.to_owned());
    assert_eq!(read("earliest"), Ok(Start::Earliest));
    assert_eq!(read("latest"), Ok(Start::Latest));
    assert_eq!(read("1970-01-01T00:00:01.5Z"), Ok(Start::At(1_500)));
    assert_eq!(read("1970-01-01T01:00:00+01:00"), Ok(Start::At(0)));
    for text in ["", "now", "2026-01-01", "2026-01-01T00:00:00", "1767225600"] {
        assert!(read(text).is_err(), "{text}");
    }
}
