use super::*;

fn presented(token: &str, extensions: &[(&str, &str)]) -> Presented {
    let extensions = extensions.iter();
    let extensions = extensions
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let token = Token::new(token, None, BTreeMap::new()).unwrap();
    Presented {
        message: Some(first(&token, &extensions)),
        token,
        tokens: Arc::new(Tokens::new("cluster rome", false, || {
            Box::pin(async { Err("none".to_owned()) })
        })),
    }
}

#[test]
fn a_token_and_its_extensions_are_one_message() {
    let mut login = presented("vF9dft4qmT", &[("host", "b"), ("logicalCluster", "lkc-1")]);
    let first = login.step(b"").unwrap();
    let expected = "n,,\u{1}auth=Bearer vF9dft4qmT\u{1}host=b\u{1}logicalCluster=lkc-1\u{1}\u{1}";
    assert_eq!(first, SaslStep::Say(expected.as_bytes().to_vec()));
    assert_eq!(login.step(b"").unwrap(), SaslStep::Done);
    let mut alone = presented("a", &[]);
    let first = alone.step(b"").unwrap();
    assert_eq!(
        first,
        SaslStep::Say(b"n,,\x01auth=Bearer a\x01\x01".to_vec())
    );
}

/// RFC 7628, section 4.3.
#[test]
fn a_failure_is_acknowledged_and_told() {
    for (message, expected) in [
        (
            r#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://e"}"#,
            "the broker refuses the token: invalid_token; it requires the scope example_scope; its",
        ),
        (
            r#"{"status":"insufficient_scope"}"#,
            "the token: insufficient_scope; its signature",
        ),
        ("no JSON", "the broker refuses the token; its signature"),
        (
            r#"{"status":["?"]}"#,
            "the broker refuses the token; its signature",
        ),
    ] {
        let mut login = presented("a", &[]);
        login.step(b"").unwrap();
        let step = login.step(message.as_bytes()).unwrap();
        let SaslStep::Refused(last, reason) = step else {
            panic!("{step:?}")
        };
        assert_eq!(last, [1]);
        assert!(reason.contains(expected), "{reason}");
        login.refused();
    }
    let long = format!("{{\"status\":\"{}\"}}", "x".repeat(10_000));
    assert!(reason(long.as_bytes()).len() < 400);
}

#[tokio::test]
async fn a_login_without_a_token_says_why() {
    let source = TokenSource::File("/nowhere/at/all".into());
    let bearer = Bearer::new("cluster rome", source, BTreeMap::new());
    let begun = bearer.begin("a").await.map(|_| ());
    let Err(LoginError::Credentials(cause)) = begun else {
        panic!("{begun:?}")
    };
    let text = cause.to_string();
    assert!(
        text.contains("no token: token_file /nowhere/at/all can't be read: No such"),
        "{text}"
    );
}

fn bearer(printed: &str, extensions: &[(&str, &str)]) -> Bearer {
    let command = super::super::CommandLine {
        program: "/bin/echo".to_owned(),
        arguments: vec![printed.to_owned()],
    };
    let extensions = extensions.iter();
    let extensions = extensions.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Bearer::new(
        "cluster rome",
        TokenSource::Command(command),
        extensions.collect(),
    )
}

/// The same token for other clients, with what is left of its lifetime.
#[tokio::test]
async fn a_token_is_given_to_a_client_that_presents_it_itself() {
    let bearer = bearer("vF9dft4qmT", &[]);
    assert_eq!(bearer.credentials().unwrap(), Credentials::Tokens);
    let given = bearer.token().await.unwrap();
    assert_eq!(given.text.reveal(), "vF9dft4qmT");
    let lifetime = given.lifetime.as_secs();
    assert!((55..=60).contains(&lifetime), "{lifetime}");
}

/// Brokers would grant less, or something else, without them.
#[tokio::test]
async fn a_token_that_needs_extensions_is_not_given_without() {
    let printed = "{\"token\": \"a\", \"extensions\": {\"b\": \"c\"}}";
    for bearer in [bearer("a", &[("b", "c")]), bearer(printed, &[])] {
        let (what, cause) = bearer.token().await.unwrap_err().told("OAUTHBEARER");
        assert!(what.contains("check the credentials"), "{what}");
        assert!(
            cause
                .to_string()
                .contains("can't send the token's extensions")
        );
    }
}
