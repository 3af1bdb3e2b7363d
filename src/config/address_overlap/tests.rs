use super::*;

fn found(entries: &[(&str, &str)]) -> Vec<(String, Flaw)> {
    let mut map = AddressMap::default();
    for (key, value) in entries {
        map.add(key, value).unwrap();
    }
    find(&map)
}

fn shared(written: &str, other: &str, example: &str) -> Vec<(String, Flaw)> {
    let (other, example) = (other.into(), example.to_owned());
    vec![(written.to_owned(), Flaw::Address { other, example })]
}

#[test]
fn expressions_for_the_same_address_are_found_with_the_shortest_example() {
    let both = |a, b| found(&[(a, "x:1"), (b, "y:1")]);
    let (a, b) = ("/kafka-.*:9092/", "/.*\\.svc:9092/");
    assert_eq!(both(a, b), shared(b, a, "kafka-.svc:9092"));
    let (a, b) = ("/[^:]+:1/", "/KAFKA:\\d+/");
    assert_eq!(both(a, b), shared(b, a, "kafka:1"));
    let (a, b) = ("/\\[.*:1/", "/.*::2\\]:1/");
    assert_eq!(both(a, b), shared(b, a, "[::2]:1"));
    for (a, b) in [
        ("/kafka-(\\d+)\\.a:1/", "/kafka-(\\d+)\\.b:1/"),
        ("/.*:1/", "/.*:2/"),
        ("/a.*:1/", "/b.*:1/"),
        // No address has a slash, or a port of six digits.
        ("/a(b|/):1/", "/a(c|/):1/"),
        ("/a:1(1|00000)/", "/a:1(2|00000)/"),
    ] {
        assert_eq!(both(a, b), [], "{a} {b}");
    }
}

#[test]
fn addresses_with_a_more_precise_rule_do_not_count() {
    let (a, b) = ("/kafka-[01]:1/", "/kafka-[12]:1/");
    let with = |more: &[(&str, &str)]| found(&[&[(a, "x:1"), (b, "y:1")], more].concat());
    assert_eq!(with(&[]), shared(b, a, "kafka-1:1"));
    assert_eq!(with(&[("kafka-1:1", "z:1")]), []);
    let (a, b) = ("/.*\\.(a|b):1/", "/.*\\.(b|c):1/");
    let with = |more: &[(&str, &str)]| found(&[&[(a, "x:1"), (b, "y:1")], more].concat());
    assert_eq!(with(&[]), shared(b, a, "a.b:1"));
    assert_eq!(with(&[("*.b:1", "z:1")]), []);
    assert_eq!(with(&[("*.b:2", "z:1")]), shared(b, a, "a.b:1"));
}

#[test]
fn an_expression_that_matches_no_address_is_found() {
    for nothing in [
        "/kafka-\\d+\\.svc/",
        "/kafka:9092x/",
        "/a:0/",
        "/a:99999/",
        "/a b:1/",
    ] {
        let expected = vec![(nothing.to_owned(), Flaw::Nothing)];
        assert_eq!(found(&[(nothing, "x:1")]), expected, "{nothing}");
    }
    assert_eq!(found(&[("/kafka:\\d+/", "x:1")]), []);
}

#[test]
fn what_is_too_much_is_left_undecided() {
    let (a, b) = ("/(a|b)*a(a|b){18}:1/", "/(a|b)*b(a|b){18}:1/");
    let undecided = Flaw::Undecided { other: a.into() };
    assert_eq!(
        found(&[(a, "x:1"), (b, "y:1")]),
        [(b.to_owned(), undecided)]
    );
}
