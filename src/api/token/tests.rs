use std::fs;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_token_for_its_owner_alone_and_later_ones_keep_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-token");
    let first = ApiToken::load_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), 2 * RANDOM + 1, "256 bits in hexadecimal");
    let again = ApiToken::load_or_create(&path).unwrap();
    assert!(again.is(first.0.reveal()));
    assert!(again.is(text.trim_end()));
    let other = ApiToken::load_or_create(&directory.path().join("other")).unwrap();
    assert!(!other.is(text.trim_end()));
    let names = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 2, "no drafts remain");
}

#[test]
fn of_many_that_make_it_at_once_all_have_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-token");
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let made = || {
            let token = ApiToken::load_or_create(&path).unwrap();
            token.0.reveal().to_owned()
        };
        let all: Vec<_> = (0..16).map(|_| scope.spawn(made)).collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|it| *it == tokens[0]), "{tokens:?}");
}

#[test]
fn what_is_no_token_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-token");
    for (text, says) in [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("short\n", "16 to 1024"),
        ("sixteen letters \n", "visible"),
        ("0123456789abcdef\r\nX: y\n", "visible"),
    ] {
        fs::write(&path, text).unwrap();
        let error = ApiToken::load_or_create(&path).unwrap_err();
        assert!(error.chain().contains(says), "{text:?}: {}", error.chain());
        assert!(!error.chain().contains("0123456789"), "{}", error.chain());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    for path in ["/dev/zero", "/dev", "/nowhere/api-token"] {
        assert!(ApiToken::load_or_create(Path::new(path)).is_err());
    }
}

#[test]
fn only_the_whole_token_is_the_token() {
    let token = ApiToken::new(Secret::new("0123456789abcdef")).unwrap();
    assert!(token.is("0123456789abcdef"));
    for other in [
        "",
        "0123456789abcde",
        "0123456789abcdeF",
        "0123456789abcdef ",
    ] {
        assert!(!token.is(other), "{other:?}");
    }
    assert!(!format!("{token:?}").contains("0123"));
}
