use super::*;

/// A JWT whose signature nobody checks here.
pub(in crate::kafka::client::auth) fn jwt(claims: &str) -> String {
    let [header, claims] = ["{\"alg\":\"none\"}", claims].map(|part| BASE64.encode(part));
    format!("{header}.{claims}.c2lnbmVk")
}

fn seconds_from_now(seconds: f64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs_f64() + seconds
}

fn token(text: &str) -> Result<Token, String> {
    Token::new(text, None, BTreeMap::new())
}

#[test]
fn the_end_of_a_jwt_is_known() {
    let ends = format!("{{\"exp\":{}}}", seconds_from_now(100.0));
    let lifetime = token(&jwt(&ends)).unwrap().lifetime().unwrap();
    let expected = Duration::from_secs(90)..=Duration::from_secs(100);
    assert!(expected.contains(&lifetime), "{lifetime:?}");
    for unknown in [
        "{}",
        "{\"exp\":\"soon\"}",
        "{\"exp\":-1}",
        "{\"exp\":1e300}",
        "no JSON",
    ] {
        assert_eq!(token(&jwt(unknown)).unwrap().lifetime(), None, "{unknown}");
    }
    assert_eq!(token("opaque").unwrap().lifetime(), None);
    assert_eq!(token("a..b").unwrap().lifetime(), None);
}

#[test]
fn a_token_that_has_ended_is_none() {
    let ended = format!("{{\"exp\":{}}}", seconds_from_now(-1.0));
    let error = token(&jwt(&ended)).unwrap_err();
    assert!(error.contains("has ended by the clock"), "{error}");
    let told = Token::new("opaque", Some(Duration::ZERO), BTreeMap::new());
    assert!(told.unwrap_err().contains("has ended"));
}

#[test]
fn what_could_break_a_message_is_no_token_and_is_not_shown() {
    for text in [
        "",
        "two words",
        "a\u{1}auth=b",
        "line\n",
        "\"quoted\"",
        "z\u{fc}rich",
    ] {
        let error = token(text).unwrap_err();
        assert!(error.contains("is no token"), "{error}");
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
    assert!(token(&"x".repeat(TOKEN_MAX)).is_ok());
    assert!(token(&"x".repeat(TOKEN_MAX + 1)).is_err());
    assert!(!format!("{:?}", token("s3cret").unwrap()).contains("s3cret"));
}

#[test]
fn extensions_are_letters_and_printable_text() {
    let check = |name: &str, value: &str| {
        check_extensions(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    };
    assert_eq!(check("logicalCluster", "lkc-1 x"), Ok(()));
    assert_eq!(check("empty", ""), Ok(()));
    for (name, value) in [
        ("", "a"),
        ("auth", "a"),
        ("with-dash", "a"),
        ("a", "b\u{1}"),
        ("a", "b\nc"),
        ("a", "\u{fc}"),
    ] {
        assert!(check(name, value).is_err(), "{name:?} {value:?}");
    }
}
