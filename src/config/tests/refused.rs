//! Files that are refused, each with its exact messages.

use crate::model::ClusterName;

use super::*;

#[test]
fn links_that_cannot_be() {
    let cases = [
        (
            "[links.l]\nsource = \"paris\"\ntarget = \"paris\"\ntopics = [\"a\"]",
            "7:10: links.l.target: source and target are the same cluster",
        ),
        (
            "[links.l]\nsource = \"paris\"\ntarget = \"rome\"\ntopics = [\"a\"]",
            r#"7:10: links.l.target: no cluster "rome" is configured"#,
        ),
        (
            "[links.l]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = []",
            "8:10: links.l.topics: at least one expression is needed",
        ),
        (
            "[links.l]\nsource = \"paris\"\ntarget = \"oslo\"",
            "5:8: links.l.topics: missing",
        ),
        (
            "[links.l]\nsource = \"paris\"\ntarget = \"twin\"\ntopics = [\"a\"]\n[clusters.twin]\nbootstrap_servers = [\"x:1\", \"127.0.0.1:19092\"]",
            "5:8: links.l: paris and twin are the same cluster: both list 127.0.0.1:19092",
        ),
        ("", " links: at least one is needed"),
    ];
    for (rest, message) in cases {
        assert_eq!(refused(rest), [message], "{rest}");
    }
}

#[test]
fn links_that_write_the_same_mirror_topic() {
    let both = |first: &str, second: &str| {
        refused(&format!(
            "[clusters.rome]\nbootstrap_servers = [\"r:1\"]\n\
             [links.a]\nsource = \"paris\"\ntarget = \"oslo\"\n{first}\n\
             [links.b]\nsource = \"rome\"\ntarget = \"oslo\"\n{second}\n"
        ))
    };
    let orders = "topics = [\"orders\", \"pay.*\"]";
    let cases = [
        (
            orders,
            r#"topics = ["x", "orders"]"#,
            1,
            "mirror topic orders",
        ),
        (orders, r#"topics = ["x", "o.*"]"#, 1, "mirror topic orders"),
        (
            orders,
            r#"topics = ["x.*", "orders"]"#,
            1,
            "mirror topic orders",
        ),
        (
            orders,
            r#"topics = ["x", "payments"]"#,
            1,
            "mirror topic payments",
        ),
        (
            orders,
            r#"topics = ["x", "pay.*"]"#,
            1,
            r#"the mirror topics of "pay.*""#,
        ),
        (
            r#"topics = ["rome\\.x"]"#,
            "naming = \"prefix\"\ntopics = [\"x\"]",
            0,
            "mirror topic rome.x",
        ),
    ];
    for (first, second, index, what) in cases {
        let [message] = &both(first, second)[..] else {
            panic!("one message expected for {second}");
        };
        let end = format!(" links.b.topics[{index}]: link a already writes {what} on cluster oslo");
        assert!(message.ends_with(&end), "{message}");
    }
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text = r#"
[clusters.paris]
bootstrap_server = ["127.0.0.1:19092"]
[clusters.oslo]
bootstrap_servers = ["127.0.0.1"]
request_timeout = "5s"
[links.l]
source = "pari"
target = "oslo"
topics = ["a("]
start = 1
bananas = true
[api]
port = 8640
"#;
    let expected = [
        "2:11: clusters.paris.bootstrap_servers: missing",
        r#"3:1: clusters.paris.bootstrap_server: unknown key; did you mean "bootstrap_servers"?"#,
        r#"5:22: clusters.oslo.bootstrap_servers[0]: "127.0.0.1" is not an address: write host:port, or [address]:port for IPv6"#,
        "6:1: clusters.oslo.request_timeout: unknown key; expected one of bootstrap_servers, security_protocol, tls, sasl, address_map, proxy, proxy_username, proxy_password_file, rack, principal, client_id, connect_timeout, metadata_max_age",
        r#"8:10: links.l.source: no cluster "pari" is configured"#,
        r#"10:11: links.l.topics[0]: not a regular expression: "a(": unclosed group"#,
        "11:9: links.l.start: expected a string, found an integer",
    ];
    let messages = messages(parse(text, &|_| None));
    assert_eq!(messages[..7], expected);
    assert!(messages[7].starts_with("12:1: links.l.bananas: unknown key; expected one of source,"));
    assert_eq!(
        messages[8],
        "14:1: api.port: unknown key; expected one of listen, token_file, open, hosts, insecure, advertised_url, max_body, requests_per_second, timeout"
    );
    assert_eq!(messages.len(), 9);
}

#[test]
fn what_is_refused_is_not_missing_as_well() {
    let text = r#"
clusters = { paris = { bootstrap_servers = ["a", 5, "b:1", "c"] }, oslo = 5 }
[links.l]
source = 5
target = "paris"
topics = ["${MISSING}"]
start = "${MISSING}"
grops = "${MISSING}"
"#;
    let expected = [
        r#"2:45: clusters.paris.bootstrap_servers[0]: "a" is not an address: write host:port, or [address]:port for IPv6"#,
        "2:50: clusters.paris.bootstrap_servers[1]: expected a string, found an integer",
        r#"2:60: clusters.paris.bootstrap_servers[3]: "c" is not an address: write host:port, or [address]:port for IPv6"#,
        "2:75: clusters.oslo: expected a section, found an integer",
        "4:10: links.l.source: expected a string, found an integer",
        "6:11: links.l.topics[0]: environment variable MISSING is not set",
        "7:9: links.l.start: environment variable MISSING is not set",
        r#"8:1: links.l.grops: unknown key; did you mean "groups"?"#,
        "8:9: links.l.grops: environment variable MISSING is not set",
    ];
    assert_eq!(messages(parse(text, &|_| None)), expected);
}

#[test]
fn sections_that_are_none() {
    let text = "clusters = 5\nlinks = []\nlog = [\"text\", \"info\"]\n[[api]]\n";
    let expected = [
        "1:12: clusters: expected a section, found an integer",
        "2:9: links: expected a section, found a list",
        "3:7: log: expected a section, found a list",
        "4:1: api: expected a section, found a list",
    ];
    assert_eq!(messages(parse(text, &|_| None)), expected);
}

#[test]
fn files_that_are_no_configuration() {
    let nothing = messages(parse("", &|_| None));
    assert_eq!(
        nothing,
        [
            " clusters: at least two are needed",
            " links: at least one is needed"
        ]
    );
    let syntax = messages(parse("[clusters.paris]\nbootstrap_servers = [\n", &|_| {
        None
    }));
    assert_eq!(syntax, ["2:22: not TOML: unclosed array, expected `]`"]);
    let twice = messages(parse(
        "[api]\ntimeout = \"1s\"\ntimeout = \"2s\"\n",
        &|_| None,
    ));
    assert_eq!(twice, ["3:1: not TOML: duplicate key"]);
    let errors = load(Path::new("no/such/farshore.toml")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "no/such/farshore.toml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn every_line_names_the_file() {
    let errors = ConfigErrors::new(
        Path::new("etc/f.toml"),
        parse("[links]\n", &|_| None).unwrap_err(),
    );
    assert_eq!(
        errors.to_string(),
        "etc/f.toml: clusters: at least two are needed\netc/f.toml: links: at least one is needed"
    );
}

#[test]
fn the_record_path_where_it_can_not_be() {
    let link = |lines: &str| {
        refused(&format!(
            "[links.l]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"a\"]\n{lines}"
        ))
    };
    assert_eq!(
        link("offsets = \"preserve\"\npath = \"record\""),
        [
            r#"10:8: links.l.path: the record path can't preserve offsets, because each of its transactions takes one: use "raw", or offsets = "translate""#
        ]
    );
    assert_eq!(
        link("path = \"recrod\""),
        [r#"9:8: links.l.path: unknown value "recrod"; did you mean "record"?"#]
    );
    assert_eq!(
        link("path = \"record\"\n[clusters.oslo.address_map]\n\"a:1\" = \"b:1\""),
        [r#"5:8: links.l: the record path can't use the address_map of oslo: use path = "raw""#]
    );
}

/// librdkafka would take a follower's word for the end of a log. A target's rack means nothing.
#[test]
fn the_record_path_reads_from_leaders() {
    let from = |source: &str, target: &str, path: &str| {
        parse_with_clusters(&format!(
            "rack = \"r1\"\n[links.l]\nsource = \"{source}\"\ntarget = \"{target}\"\ntopics = [\"a\"]\npath = \"{path}\""
        ))
    };
    assert_eq!(
        messages(from("oslo", "paris", "record")),
        [r#"6:8: links.l: the record path can't use the rack of oslo: use path = "raw""#]
    );
    drop(from("paris", "oslo", "record").unwrap());
    let config = from("oslo", "paris", "raw").unwrap();
    let rack = |name: &str| config.clusters[&ClusterName::new(name)].rack.as_deref();
    assert_eq!((rack("oslo"), rack("paris")), (Some("r1"), None));
    let empty = refused(&format!("rack = \" \"\n{LINK}"));
    assert_eq!(empty, ["5:8: clusters.oslo.rack: must not be empty"]);
}

#[test]
fn links_that_would_mirror_in_a_circle() {
    let both = |first: &str, second: &str| {
        refused(&format!(
            "[links.a]\nsource = \"paris\"\ntarget = \"oslo\"\n{first}\n\
             [links.b]\nsource = \"oslo\"\ntarget = \"paris\"\n{second}\n"
        ))
    };
    assert_eq!(
        both(
            r#"topics = ["payments", "o.*"]"#,
            r#"topics = ["invoices", "orders"]"#
        ),
        [
            r#"12:23: links.b.topics[1]: topic orders would be mirrored in a circle, again and again: from oslo to paris by this link, and by link a (8:23: links.a.topics[1]) from paris to oslo; leave it out of one of these links with topics_exclude, or set naming = "prefix" for all of them"#
        ]
    );
    let three = refused(
        "[clusters.rome]\nbootstrap_servers = [\"r:1\"]\n\
         [clusters.twin]\nbootstrap_servers = [\"other:1\", \"r:1\"]\n\
         [links.c]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"x+\"]\n\
         [links.a]\nsource = \"oslo\"\ntarget = \"rome\"\ntopics = [\".*\"]\n\
         [links.b]\nsource = \"twin\"\ntarget = \"paris\"\ntopics = [\"x\"]\n",
    );
    assert_eq!(
        three,
        [
            r#"20:11: links.b.topics[0]: topic x would be mirrored in a circle, again and again: from twin to paris by this link, and by link c (12:11: links.c.topics[0]) from paris to oslo, link a (16:11: links.a.topics[0]) from oslo to rome (rome and twin are the same cluster); leave it out of one of these links with topics_exclude, or set naming = "prefix" for all of them"#
        ]
    );
}

#[test]
fn a_configuration_is_a_file() {
    for device in ["/dev/zero", "/dev"] {
        let errors = load(Path::new(device)).unwrap_err();
        let expected = format!("{device}: cannot be read: it isn't a file");
        assert_eq!(errors.to_string(), expected);
    }
}

#[test]
fn a_client_id_is_no_longer_than_a_file_name() {
    let of_length = |length: usize| {
        let id = "x".repeat(length);
        parse_with_clusters(&format!(
            "{LINK}[clusters.rome]\nbootstrap_servers = [\"r:1\"]\nclient_id = \"{id}\""
        ))
    };
    assert!(of_length(255).is_ok());
    let message = "11:13: clusters.rome.client_id: has at most 255 bytes, found 256";
    assert_eq!(messages(of_length(256)), [message]);
}

#[test]
fn no_topic_has_an_empty_name() {
    let link = "[links.l]\nsource = \"paris\"\ntarget = \"oslo\"\n";
    for (lines, place) in [
        ("topics = [\"\"]", "8:11: links.l.topics[0]"),
        (
            "topics = [\"t\"]\n[[links.l.overrides]]\ntopics = [\"\"]",
            "10:11: links.l.overrides[0].topics[0]",
        ),
    ] {
        assert_eq!(
            refused(&format!("{link}{lines}\n")),
            [format!("{place}: must not be empty: no topic's name is")]
        );
    }
}
