use super::*;

#[test]
fn suggests_only_what_is_near() {
    let known = ["start", "source", "topics", "topics_exclude"];
    for (word, expected) in [("strat", Some("start")), ("topic", Some("topics"))] {
        let expected = expected.map(|known| format!("did you mean \"{known}\"?"));
        assert_eq!(nearest(word, &known), expected);
    }
    assert_eq!(nearest("exclude_topics", &known), None);
    assert_eq!(nearest("bananas", &known), None);
}
