use std::process::Command;

use super::*;

fn send(signal: &str) {
    let pid = std::process::id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn the_first_signal_resolves_one_future_and_the_next_the_other() {
    let (first, second) = stop_signals().unwrap();
    tokio::pin!(second);
    send("-TERM");
    tokio::select! {
        biased;
        () = &mut second => panic!("one signal is not two"),
        () = first => {}
    }
    send("-INT");
    second.await;
}

#[tokio::test]
async fn a_hangup_ends_nothing() {
    let (hangups, (first, _second)) = (hangups().unwrap(), stop_signals().unwrap());
    send("-HUP");
    send("-TERM");
    tokio::select! {
        () = hangups => panic!("it never ends"),
        () = first => {}
    }
}
