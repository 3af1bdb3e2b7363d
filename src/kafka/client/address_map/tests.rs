use proptest::prelude::*;

use super::*;

fn map(entries: &[(&str, &str)]) -> AddressMap {
    let mut map = AddressMap::default();
    for (key, value) in entries {
        map.add(key, value).unwrap();
    }
    map
}

fn led(map: &AddressMap, advertised: &str) -> String {
    match map.lead(&advertised.parse().unwrap()) {
        Ok(lead) => lead.to.to_string(),
        Err(misled) => misled.to_string(),
    }
}

fn bad(key: &str, value: &str) -> BadEntry {
    AddressMap::default().add(key, value).unwrap_err()
}

#[test]
fn the_more_precise_rule_leads() {
    let map = map(&[
        ("/.*\\.svc:9092/", "expression:1"),
        ("*.svc:9092", "short:1"),
        ("*.kafka.svc:9092", "long:1"),
        ("kafka-0.kafka.svc:9092", "exact:1"),
        ("/broker-(\\d+):9092/", "203.0.113.7:{31090+$1}"),
    ]);
    for (advertised, to) in [
        ("kafka-0.kafka.svc:9092", "exact:1"),
        ("kafka-1.kafka.svc:9092", "long:1"),
        ("kafka-1.other.svc:9092", "short:1"),
        ("a.b.kafka.svc:9092", "long:1"),
        ("broker-7:9092", "203.0.113.7:31097"),
        ("broker-x:9092", "broker-x:9092"),
        ("kafka-1.kafka.svc:9093", "kafka-1.kafka.svc:9093"),
        ("xkafka.svc:9093", "xkafka.svc:9093"),
    ] {
        assert_eq!(led(&map, advertised), to, "{advertised}");
    }
    let rule = |advertised: &str| map.lead(&advertised.parse().unwrap()).unwrap().rule;
    assert_eq!(rule("kafka-0.kafka.svc:9092"), AddressRule::Exact);
    let suffix = AddressRule::Suffix("*.kafka.svc:9092".into());
    assert_eq!(rule("kafka-1.kafka.svc:9092"), suffix);
    let expression = AddressRule::Expression("/broker-(\\d+):9092/".into());
    assert_eq!(rule("broker-7:9092"), expression);
    assert_eq!(rule("elsewhere:9092"), AddressRule::None);
}

#[test]
fn a_suffix_is_of_whole_labels_and_never_the_whole_host() {
    let map = map(&[("*.svc:1", "x:1")]);
    for advertised in ["svc:1", "asvc:1", "a.svc.example:1"] {
        assert_eq!(led(&map, advertised), advertised);
    }
    assert_eq!(led(&map, "a.svc:1"), "x:1");
}

#[test]
fn case_and_the_notation_of_ipv6_make_no_difference() {
    let map = map(&[
        ("Kafka-0.SVC:1", "exact:1"),
        ("*.Kafka.svc:1", "suffix:1"),
        ("/POD-(\\d):1/", "p$1:1"),
        ("[FD00:0:0::1]:1", "[::1]:31090"),
        ("/\\[fd00::(\\d+)\\]:2/", "[::1]:{31090+$1}"),
    ]);
    for (advertised, to) in [
        ("KAFKA-0.svc:1", "exact:1"),
        ("a.KAFKA.SVC:1", "suffix:1"),
        ("pod-3:1", "p3:1"),
        ("[fd00::1]:1", "[::1]:31090"),
        ("[fd00:0000::1]:1", "[::1]:31090"),
        ("[fd00::12]:2", "[::1]:31102"),
    ] {
        assert_eq!(led(&map, advertised), to, "{advertised}");
    }
}

#[test]
fn captures_are_taken_over_and_added_up() {
    for (value, to) in [
        ("10.0.0.$1:9092", "10.0.0.12:9092"),
        ("lb-$2.example:9092", "lb-a.example:9092"),
        ("lb:{31090+$1}", "lb:31102"),
        ("lb:{ $1 - 2 + 9000 }", "lb:9010"),
        ("lb:310$1", "lb:31012"),
        ("lb-{$1+1}:1", "lb-13:1"),
        ("$0", "kafka-12.a:9092"),
        ("lb:{$1-12+1}", "lb:1"),
    ] {
        let map = map(&[("/kafka-(\\d+)\\.([a-z]):9092/", value)]);
        assert_eq!(led(&map, "kafka-12.a:9092"), to, "{value}");
    }
    let map = map(&[
        ("/kafka-(\\w+)(?:\\.(x))?:9092/", "lb:{65530+$1}"),
        ("/b(x)?:1/", "$1:1"),
    ]);
    for (advertised, why) in [
        (
            "kafka-9:9092",
            "leads nowhere from kafka-9:9092: \"lb:65539\" is not an address",
        ),
        (
            "kafka-a:9092",
            "\"a\" can't be added up in \"lb:{65530+$1}\"",
        ),
        (
            "kafka-99999999999999999999:9092",
            "\"99999999999999999999\" can't be added up",
        ),
        ("kafka-9223372036854775807:9092", "the sum is too large"),
        ("b:1", "$1 in \"$1:1\" matched nothing"),
    ] {
        let told = led(&map, advertised);
        assert!(told.contains(why), "{told}");
        assert!(told.ends_with(AN_ADDRESS), "{told}");
    }
    assert_eq!(led(&map, "kafka-5:9092"), "lb:65535");
}

#[test]
fn two_expressions_that_match_are_an_error_that_names_both() {
    let map = map(&[
        ("/kafka-.*:1/", "a:1"),
        ("/.*-0:1/", "b:1"),
        ("kafka-0:2", "c:1"),
    ]);
    assert_eq!(
        led(&map, "kafka-0:1"),
        "both \"/kafka-.*:1/\" and \"/.*-0:1/\" in address_map match kafka-0:1: narrow one of them, or give the address a key of its own in address_map"
    );
    assert_eq!(led(&map, "kafka-1:1"), "a:1");
    assert_eq!(led(&map, "x-0:1"), "b:1");
}

#[test]
fn entries_that_are_wrong_say_what_would_be_right() {
    let key = |text: &str| BadEntry::Key(text.to_owned());
    let value = |text: &str| BadEntry::Value(text.to_owned());
    let of_suffixes = "a suffix is written like \"*.kafka.svc:9092\"; anything else takes an expression between slashes";
    for wrong in [
        "*:9092",
        "*kafka:9092",
        "*.kafka",
        "*.*.svc:1",
        "*.:1",
        "*..a:1",
    ] {
        assert_eq!(bad(wrong, "a:1"), key(of_suffixes), "{wrong}");
    }
    assert_eq!(
        bad("a.*.svc:1", "a:1"),
        key("\"*\" is only at the beginning of a suffix, like \"*.kafka.svc:9092\"")
    );
    for wrong in ["/a:1", "//", "/"] {
        assert!(
            matches!(bad(wrong, "a:1"), BadEntry::Key(told) if told.starts_with("an expression is written between two slashes"))
        );
    }
    assert_eq!(
        bad("/a(:1/", "a:1"),
        key("not a regular expression: \"a(:1\": unclosed group")
    );
    let address = |text: &str| {
        format!("\"{text}\" is not an address: write host:port, or [address]:port for IPv6")
    };
    assert_eq!(bad("a", "a:1"), key(&address("a")));
    assert_eq!(bad("a:1", "a"), value(&address("a")));
    let of_captures = "only an expression between slashes can take over parts of what it matches: write host:port";
    for (rule, wrong) in [("a:1", "$1:1"), ("*.a:1", "lb:{1+$1}"), ("*.a:1", "*.b:1")] {
        assert_eq!(bad(rule, wrong), value(of_captures));
    }
    for (wrong, why) in [
        ("lb:$2", "the expression has no group 2, only 1"),
        (
            "lb:$x",
            "\"$\" is followed by the number of a group in the expression, like \"$1\"",
        ),
        ("lb:{1+$1", "\"{\" without its closing brace"),
        (
            "lb:{1*$1}",
            "\"{1*$1}\" isn't a sum of numbers and captures, like \"{31090+$1}\"",
        ),
        (
            "lb:{}",
            "\"{}\" isn't a sum of numbers and captures, like \"{31090+$1}\"",
        ),
        ("lb", &address("lb")),
        ("lb:70000", &address("lb:70000")),
        ("lb:{65536+$1}", &address("lb:65536")),
    ] {
        assert_eq!(bad("/a-(\\d+):1/", wrong), value(why));
    }
    let mut map = map(&[("a:1", "x:1"), ("*.a:1", "x:1")]);
    let again = |known: &str| Err(key(&format!("it is the same as \"{known}\"")));
    assert_eq!(map.add("A:1", "y:1"), again("a:1"));
    assert_eq!(map.add("*.A:1", "y:1"), again("*.a:1"));
}

#[test]
fn one_address_for_several_brokers_needs_names_to_tell_them_apart() {
    let several = [
        ("kafka-0.svc:1", "LB:9092"),
        ("kafka-1.svc:1", "lb:9092"),
        ("10.0.0.1:1", "other:1"),
        ("10.0.0.2:1", "other:1"),
        ("*.svc:2", "lb:1"),
        ("/a-(\\d):1/", "lb:2"),
        ("/b-(\\d):1/", "lb:{2+$1}"),
        ("alone:1", "alone:2"),
    ];
    let found = |told| {
        let found = map(&several).telling(told).indistinct();
        let keys = found.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        (keys, found[0].1.clone())
    };
    let (keys, why) = found(NameTold::Nothing);
    assert_eq!(
        keys,
        ["10.0.0.2:1", "kafka-1.svc:1", "*.svc:2", "/a-(\\d):1/"]
    );
    assert_eq!(
        why,
        "several brokers would be reached at other:1, where without encryption nothing tells them apart: give each broker an address or a port of its own, or use security_protocol = \"SSL\" or \"SASL_SSL\" and a load balancer that goes by the name in the handshake (SNI)"
    );
    let (same, why) = found(NameTold::ServerName);
    assert_eq!(same, keys);
    assert!(why.contains("or remove tls.server_name"), "{why}");
    // Names are told, addresses aren't.
    let (keys, why) = found(NameTold::Advertised);
    assert_eq!(keys, ["10.0.0.2:1"]);
    assert!(
        why.contains("let each advertise a name of its own"),
        "{why}"
    );
}

/// The rules of a map as plainly as they can be said.
fn expected(entries: &[(String, String)], advertised: &str) -> Option<String> {
    let (host, port) = advertised.rsplit_once(':').unwrap();
    let exact = entries.iter().find(|(key, _)| key == advertised);
    let suffix = |key: &str| {
        let ending = key.strip_prefix('*')?;
        let (ending, its_port) = ending.rsplit_once(':')?;
        (its_port == port && host.len() > ending.len() && host.ends_with(ending))
            .then_some(ending.len())
    };
    let suffixes = entries.iter().filter_map(|it| Some((suffix(&it.0)?, it)));
    let longest = suffixes.max_by_key(|(length, _)| *length).map(|(_, it)| it);
    if let Some((_, to)) = exact.or(longest) {
        return Some(to.clone());
    }
    let fits = |key: &str| {
        let inner = key.strip_prefix('/')?.strip_suffix('/')?;
        let (front, its_port) = inner.rsplit_once(".*:")?;
        (its_port == port && host.starts_with(front)).then_some(())
    };
    let mut fitting = entries.iter().filter(|(key, _)| fits(key).is_some());
    match (fitting.next(), fitting.next()) {
        (None, _) => Some(advertised.to_owned()),
        (Some((_, to)), None) => Some(to.clone()),
        (Some(_), Some(_)) => None,
    }
}

proptest! {
    #[test]
    fn precedence_is_exact_then_longest_suffix_then_the_only_expression(
        keys in proptest::collection::btree_set(
            prop_oneof![
                "[ab](\\.[ab]){0,2}:[12]",
                "\\*(\\.[ab]){1,2}:[12]",
                "/[ab]?\\.\\*:[12]/",
            ],
            0..8,
        ),
        advertised in "[ab](\\.[ab]){0,3}:[12]",
    ) {
        let entries: Vec<(String, String)> =
            (1..).zip(keys).map(|(number, key)| (key, format!("to:{number}"))).collect();
        let mut map = AddressMap::default();
        for (key, value) in &entries {
            map.add(key, value).unwrap();
        }
        let led = map.lead(&advertised.parse().unwrap());
        prop_assert_eq!(led.ok().map(|lead| lead.to.to_string()), expected(&entries, &advertised));
    }
}
