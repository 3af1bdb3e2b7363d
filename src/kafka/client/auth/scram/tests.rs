use super::*;

const NONCE_OF_RFC: &str = "rOprNGfwEbeRWgbNEkqO";
const PROOF_512: &str =
    "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
const SIGNATURE_512: &str =
    "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
const CHALLENGE: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

/// A login as user `user` with password `pencil`, whose nonce is the one in RFC 7677.
fn talk(hash: ScramHash) -> Talk {
    Talk {
        hash,
        password: Secret::new("pencil"),
        keys: Arc::default(),
        bare: format!("n=user,r={NONCE_OF_RFC}"),
        stage: Stage::First,
    }
}

fn said(step: Result<SaslStep, LoginError>) -> String {
    match step {
        Ok(SaslStep::Say(message)) => String::from_utf8(message).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn refused(step: Result<SaslStep, LoginError>) -> String {
    match step {
        Err(LoginError::Broker(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

/// RFC 7677, section 3, and the same exchange with SHA-512, computed with Python's `hashlib`.
#[test]
fn both_sides_prove_that_they_know_the_password() {
    for (hash, proof, signature) in [
        (
            ScramHash::Sha256,
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
        (ScramHash::Sha512, PROOF_512, SIGNATURE_512),
    ] {
        let mut talk = talk(hash);
        assert_eq!(said(talk.step(b"")), format!("n,,n=user,r={NONCE_OF_RFC}"));
        let (nonce, _) = CHALLENGE.split_once(',').unwrap();
        let last = said(talk.step(CHALLENGE.as_bytes()));
        assert_eq!(last, format!("c=biws,{nonce},p={proof}"));
        let signature = format!("v={signature}");
        let end = talk.step(signature.as_bytes()).unwrap();
        assert_eq!(end, SaslStep::Done);
    }
}

#[test]
fn a_broker_that_proves_nothing_is_refused() {
    let almost = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=";
    let of_the_other_hash = format!("v={SIGNATURE_512}");
    let messages: [&[u8]; 7] = [
        b"",
        b"v=",
        b"v=!",
        b"\xff",
        b"e=other-error",
        almost.as_bytes(),
        of_the_other_hash.as_bytes(),
    ];
    for message in messages {
        let mut talk = talk(ScramHash::Sha256);
        said(talk.step(b""));
        said(talk.step(CHALLENGE.as_bytes()));
        let error = refused(talk.step(message));
        assert!(error.starts_with("the broker could not prove"), "{error}");
    }
}

#[test]
fn challenges_that_are_none_are_not_answered() {
    let nonce = format!("r={NONCE_OF_RFC}more");
    let salt = "s=W22ZaJ0SNY7soEsUEjb6gQ==";
    let strange = "is not a challenge of this mechanism";
    for (challenge, why) in [
        (String::new(), strange),
        (format!("{nonce},{salt}"), strange),
        (format!("m=must,{nonce},{salt},i=4096"), strange),
        (format!("{nonce},s=?,i=4096"), strange),
        (format!("{nonce},s=,i=4096"), "sent no salt"),
        (
            format!("r={NONCE_OF_RFC},{salt},i=4096"),
            "for another login",
        ),
        (format!("r=other,{salt},i=4096"), "for another login"),
        (
            format!("{nonce},{salt},i=4095"),
            "asks for \"4095\" iterations; 4096 to 262144",
        ),
        (
            format!("{nonce},{salt},i=262145"),
            "asks for \"262145\" iterations",
        ),
        (
            format!("{nonce},{salt},i=99999999999999999999999"),
            "asks for \"99999999999999999999\" it",
        ),
        (format!("{nonce},{salt},i=-1"), "iterations"),
    ] {
        let mut talk = talk(ScramHash::Sha256);
        said(talk.step(b""));
        let error = refused(talk.step(challenge.as_bytes()));
        assert!(error.contains(why), "{challenge}: {error}");
    }
    let mut talk = talk(ScramHash::Sha256);
    said(talk.step(b""));
    let extended = format!("{nonce},{salt},i=4096,x=more");
    said(talk.step(extended.as_bytes()));
}

#[test]
fn names_are_escaped_and_nothing_else_is_prepared() {
    assert_eq!(escaped("a=b,c=3D"), "a=3Db=2Cc=3D3D");
    assert_eq!(escaped("zo\u{eb} "), "zo\u{eb} ");
}

#[test]
fn keys_are_derived_again_only_from_something_else() {
    let cache = KeyCache::default();
    let origin = |password: &str, iterations| Origin {
        password: Secret::new(password),
        salt: b"salt".to_vec(),
        iterations: NonZeroU32::new(iterations).unwrap(),
    };
    let keys = |origin: &Origin| {
        let keys = cache.keys(ScramHash::Sha256, origin.clone());
        keys.client.as_ref().to_vec()
    };
    let first = keys(&origin("pencil", 4_096));
    assert_eq!(keys(&origin("pencil", 4_096)), first);
    assert_ne!(keys(&origin("pencils", 4_096)), first);
    assert_ne!(keys(&origin("pencil", 4_097)), first);
    assert_eq!(keys(&origin("pencil", 4_096)), first);
}

#[tokio::test]
async fn each_login_has_a_nonce_of_its_own_and_the_password_of_the_moment() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let scram = Scram::new(
        ScramHash::Sha256,
        "user",
        SecretSource::File(file.path().into()),
    );
    let begun = scram.begin("a").await.map(|_| ());
    assert!(matches!(begun, Err(LoginError::Credentials(_))));
    std::fs::write(file.path(), "pencil\n").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let mut login = scram.begin("a").await.unwrap();
        seen.insert(said(login.step(b"")));
    }
    assert_eq!(seen.len(), 10);
    assert!(!format!("{scram:?}").contains("pencil"));
}
