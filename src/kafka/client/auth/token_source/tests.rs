use std::fs::File;
use std::io::Read;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;

fn shell(script: &str) -> TokenSource {
    TokenSource::Command(CommandLine {
        program: "/bin/sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
    })
}

async fn refused(script: &str) -> String {
    let error = shell(script).fetch().await.unwrap_err();
    let why = error.strip_prefix("token_command \"/bin/sh\": ");
    why.unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[tokio::test]
async fn a_command_prints_a_token_or_an_object() {
    let plain = shell("echo abc.def").fetch().await.unwrap();
    assert_eq!((plain.text().reveal(), plain.lifetime()), ("abc.def", None));
    let ends = "$(( ($(date +%s) + 900) * 1000 ))";
    let script = format!(
        "echo \"{{\\\"token\\\": \\\"abc\\\", \\\"expires_at_ms\\\": {ends}, \\\"extensions\\\": {{\\\"a\\\": \\\"b\\\"}}, \\\"more\\\": 1}}\""
    );
    let object = shell(&script).fetch().await.unwrap();
    let lifetime = object.lifetime().unwrap();
    assert!(lifetime > Duration::from_secs(800), "{lifetime:?}");
    assert_eq!(object.text().reveal(), "abc");
    assert_eq!(object.extensions()["a"], "b");
}

#[tokio::test]
async fn a_command_that_gives_no_token_says_why_without_its_words() {
    for (script, why) in [
        ("exit 3", "it ended with exit status: 3: run it by hand"),
        ("kill -9 $$", "it ended with signal: 9"),
        ("echo hunter2 secret", "is no token"),
        ("echo '{\"token\": \"hunter2\"'", "is no object like"),
        ("echo '{\"token\": [\"hunter2\"]}'", "is no object like"),
        ("printf '\\377hunter2'", "is no token"),
        ("true", "is no token"),
        ("echo hunter2 >&2; exit 1", "it ended with exit status: 1"),
        (
            "echo '{\"token\": \"hunter2\", \"expires_at_ms\": 1000}'",
            "has ended",
        ),
        ("yes", "it prints more than"),
    ] {
        let error = refused(script).await;
        assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
    }
    let nothing = TokenSource::Command(CommandLine {
        program: "/nowhere/at/all".to_owned(),
        arguments: Vec::new(),
    });
    let error = nothing.fetch().await.unwrap_err();
    assert!(error.contains("it can't be run: No such file"), "{error}");
}

/// No shell takes part: what would be a variable or a second command there is an argument.
#[tokio::test]
async fn arguments_are_what_they_are() {
    let echo = TokenSource::Command(CommandLine {
        program: "/bin/echo".to_owned(),
        arguments: vec!["-n".to_owned(), "$HOME;id".to_owned()],
    });
    let error = echo.fetch().await.unwrap_err();
    assert!(error.contains("is no token"), "{error}");
}

/// The processes hold a pipe open, whose end is read once all of them are gone.
#[tokio::test]
async fn a_command_that_is_given_up_is_killed_with_all_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let script = format!(
        "exec 3>{}; tail -f /dev/null & echo >&3; wait",
        pipe.display()
    );
    let (started, begun) = oneshot::channel();
    let reader = blocking("reader", move || {
        let mut pipe = File::open(pipe)?;
        pipe.read_exact(&mut [0])?;
        started.send(()).expect("it is waited for");
        pipe.read_to_end(&mut Vec::new())
    });
    let command = shell(&script);
    let given_up = async {
        tokio::select! {
            ended = command.fetch() => panic!("{ended:?}"),
            begun = begun => begun.unwrap(),
        }
    };
    let (ended, ()) = tokio::join!(timeout(Duration::from_secs(20), reader), given_up);
    ended.expect("they are killed").unwrap().unwrap();
}

#[test]
fn arguments_are_not_shown() {
    let shown = format!("{:?}", shell("echo hunter2"));
    assert_eq!(shown, "Command(CommandLine(\"/bin/sh\"))");
}
