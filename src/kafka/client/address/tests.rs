use super::*;

#[test]
fn names_and_addresses_come_back_as_written() {
    for text in ["kafka-0.kafka.svc:9092", "127.0.0.1:1", "[::1]:65535"] {
        assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
    }
    assert_eq!("[fe80::1]:9092".parse(), Ok(HostPort::new("fe80::1", 9092)));
}

#[test]
fn anything_else_is_refused_with_its_text() {
    for text in [
        "",
        "kafka",
        "kafka:",
        ":9092",
        "kafka:0",
        "kafka:65536",
        "::1:9092",
        "[::1]",
        "[kafka]:9092",
        "http://kafka:9092",
        "a b:9092",
    ] {
        let error = text.parse::<HostPort>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("\"{text}\" is not")));
    }
}
