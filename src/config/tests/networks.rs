//! How brokers are reached: maps of their addresses, and proxies.

use super::encryption::pem_files;
use super::security::rome;
use crate::files::SecretSource;
use crate::kafka::client::{AddressMap, HostPort, SocksLogin, SocksProxy};
use crate::model::ClusterName;

fn found(lines: &str) -> Vec<String> {
    match rome(lines) {
        Ok(config) => config.warnings.iter().map(ToString::to_string).collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn map(lines: &str) -> AddressMap {
    let config = rome(lines).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(config.warnings, []);
    config.clusters[&ClusterName::new("rome")]
        .address_map
        .clone()
}

fn proxy(lines: &str) -> Option<SocksProxy> {
    let config = rome(lines).unwrap_or_else(|problems| panic!("{problems:?}"));
    config.clusters[&ClusterName::new("rome")].proxy.clone()
}

#[test]
fn a_map_has_addresses_suffixes_and_expressions() {
    let files = pem_files();
    let map = map(&format!(
        "security_protocol = \"SSL\"\ntls.ca_file = \"{}/ca.pem\"\n\
         [clusters.rome.address_map]\n\
         \"kafka-0.svc:9092\" = \"203.0.113.7:31090\"\n\
         \"*.kafka.svc:9092\" = \"[2001:db8::7]:9093\"\n\
         '/(\\d+)\\.pod:9092/' = \"203.0.113.7:{{31090+$1}}\"\n\
         \"/b-(\\\\d+):9092/\" = \"lb-$1:1\"\n",
        files.path().display()
    ));
    for (advertised, to) in [
        ("kafka-0.svc:9092", "203.0.113.7:31090"),
        ("a.kafka.svc:9092", "[2001:db8::7]:9093"),
        ("b.kafka.svc:9092", "[2001:db8::7]:9093"),
        ("4.pod:9092", "203.0.113.7:31094"),
        ("b-2:9092", "lb-2:1"),
    ] {
        let led = map.lead(&advertised.parse().unwrap()).unwrap();
        assert_eq!(led.to, to.parse().unwrap(), "{advertised}");
    }
}

#[test]
fn entries_that_are_wrong_are_named() {
    for (entry, expected) in [
        (
            "\"*kafka.svc:1\" = \"a:1\"",
            r#"12:1: clusters.rome.address_map."*kafka.svc:1": a suffix is written like "*.kafka.svc:9092"; anything else takes an expression between slashes"#,
        ),
        (
            "\"/a(:1/\" = \"a:1\"",
            r#"12:1: clusters.rome.address_map."/a(:1/": not a regular expression: "a(:1": unclosed group"#,
        ),
        (
            "\"/a-(.):1/\" = \"a:{1+$2}\"",
            r#"12:15: clusters.rome.address_map."/a-(.):1/": the expression has no group 2, only 1"#,
        ),
        (
            "\"a:1\" = 1",
            r#"12:9: clusters.rome.address_map."a:1": expected a string, found an integer"#,
        ),
        (
            "\"/a-.\\\\.svc/\" = \"a:1\"",
            r#"12:1: clusters.rome.address_map."/a-.\\.svc/": it matches no address: it is compared with the whole of what a broker advertises, host:port"#,
        ),
    ] {
        let told = found(&format!("[clusters.rome.address_map]\n{entry}"));
        assert!(told.contains(&expected.to_owned()), "{told:?}");
    }
    let twice = "[clusters.rome.address_map]\n\"A:1\" = \"x:1\"\n\"a:1\" = \"y:1\"";
    assert_eq!(
        found(twice),
        [r#"13:1: clusters.rome.address_map."a:1": it is the same as "a:1""#]
    );
}

#[test]
fn expressions_that_match_the_same_address_are_refused() {
    let entries = |second: &str| {
        found(&format!(
            "[clusters.rome.address_map]\n\"/kafka-(.):1/\" = \"a-$1:1\"\n{second}"
        ))
    };
    let expected = r#"13:1: clusters.rome.address_map."/(.*)-0:1/": "/kafka-(.):1/" matches kafka-0:1, too: narrow one of them, or give such addresses keys of their own"#;
    let second = "\"/(.*)-0:1/\" = \"b-$1:1\"";
    assert_eq!(entries(second), [expected]);
    assert_eq!(
        entries(&format!("{second}\n\"kafka-0:1\" = \"c:1\"")),
        [""; 0]
    );
    assert_eq!(entries("\"/(.*)-0:2/\" = \"b-$1:1\""), [""; 0]);
    let large = |letter| format!("\"/((a|b)*{letter}(a|b){{18}}):1/\" = \"$1:2\"");
    let told = found(&format!(
        "[clusters.rome.address_map]\n{}\n{}",
        large("a"),
        large("b")
    ));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("is too much to find out: if one is matched by both"),
        "a warning: {told:?}"
    );
}

#[test]
fn brokers_that_nothing_tells_apart_are_refused() {
    let files = pem_files();
    let tls = format!(
        "security_protocol = \"SSL\"\ntls.ca_file = \"{}/ca.pem\"\n",
        files.path().display()
    );
    let entries =
        |security: &str, entries: &str| found(&format!("{security}address_map = {{ {entries} }}"));
    let two = "\"kafka-0.svc:1\" = \"lb:1\", \"kafka-1.svc:1\" = \"lb:1\"";
    let suffix = "\"*.svc:1\" = \"lb:1\"";
    let fixed = "'/kafka-.\\.svc:1/' = \"lb:1\"";
    let one_name = format!("{tls}tls.server_name = \"kafka\"\n");
    for (given, key) in [
        (two, "\"kafka-1.svc:1\""),
        (suffix, "\"*.svc:1\""),
        (fixed, "\"/kafka-.\\\\.svc:1/\""),
    ] {
        let plain = entries("", given);
        assert_eq!(plain.len(), 1, "{plain:?}");
        let expected = format!(
            "clusters.rome.address_map.{key}: several brokers would be reached at lb:1, where without encryption nothing tells them apart: "
        );
        assert!(
            plain[0].starts_with("11:") && plain[0].contains(&expected),
            "{plain:?}"
        );
        let told = entries(&one_name, given);
        assert!(
            told[0].contains("because tls.server_name is the name for all of them"),
            "{told:?}"
        );
        assert_eq!(entries(&tls, given), [""; 0]);
    }
    let addresses = "\"10.0.0.1:1\" = \"lb:1\", \"10.0.0.2:1\" = \"lb:1\"";
    let told = entries(&tls, addresses);
    assert!(
        told[0].contains("let each advertise a name of its own"),
        "{told:?}"
    );
}

#[test]
fn a_proxy_has_an_address_and_perhaps_a_login() {
    let of = |address: &str| {
        Some(SocksProxy {
            address: address.parse::<HostPort>().unwrap(),
            login: None,
        })
    };
    assert_eq!(proxy(""), None);
    for (url, address) in [
        ("socks5://proxy.example:1080", "proxy.example:1080"),
        ("socks5h://proxy.example:1080/", "proxy.example:1080"),
        ("socks5://[::1]:1080", "[::1]:1080"),
    ] {
        assert_eq!(proxy(&format!("proxy = \"{url}\"")), of(address));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "s3cret\n").unwrap();
    let login = format!(
        "proxy_username = \"farshore\"\nproxy_password_file = \"{}\"\n",
        path.display()
    );
    let expected = SocksLogin {
        username: "farshore".to_owned(),
        password: SecretSource::File(path.clone()),
    };
    let with_proxy = format!("proxy = \"socks5://p:1\"\n{login}");
    assert_eq!(proxy(&with_proxy).unwrap().login, Some(expected));

    let lone = "it is only for a proxy: set proxy as well";
    let keys = [
        "11:18: clusters.rome.proxy_username",
        "12:23: clusters.rome.proxy_password_file",
    ];
    assert_eq!(found(&login), keys.map(|key| format!("{key}: {lone}")));
    std::fs::write(&path, "x".repeat(256)).unwrap();
    assert_eq!(
        found(&with_proxy),
        ["13:23: clusters.rome.proxy_password_file: a proxy's password has at most 255 bytes"]
    );
    std::fs::remove_file(&path).unwrap();
    assert!(found(&with_proxy)[0].contains("can't be read"));
}

#[test]
fn a_proxy_that_can_not_be_used_is_refused_and_no_password_shown() {
    let of_login = "the user name is written in proxy_username, and the password in the file that proxy_password_file names";
    for (lines, expected) in [
        (
            "proxy = \"http://p:1\"",
            "11:9: clusters.rome.proxy: expected a URL like \"socks5://proxy.example:1080\"",
        ),
        (
            "proxy = \"socks5://p\"",
            "11:9: clusters.rome.proxy: expected a host and a port, like \"socks5://proxy.example:1080\" or \"socks5://[::1]:1080\"",
        ),
        (
            "proxy = \"socks5://p:1\"\nproxy_username = \"farshore\"",
            "12:18: clusters.rome.proxy_username: requires proxy_password_file as well",
        ),
        (
            "proxy = \"socks5://p:1\"\nproxy_password_file = \"/x\"",
            "12:23: clusters.rome.proxy_password_file: requires proxy_username as well",
        ),
        (
            "proxy = \"socks5://farshore:s3cret@p:1\"",
            &format!("11:9: clusters.rome.proxy: {of_login}"),
        ),
        (
            "proxy = \"socks5://p:1\"\n[links.rome]\nsource = \"paris\"\ntarget = \"rome\"\ntopics = [\"a\"]\npath = \"record\"",
            "12:8: links.rome: the record path can't use the proxy of rome: use path = \"raw\"",
        ),
    ] {
        let told = found(lines);
        assert_eq!(told, [expected]);
        assert!(!told[0].contains("s3cret"));
    }
}
