use super::*;

fn supervisor() -> Supervisor {
    Supervisor::new(CancellationToken::new())
}

#[tokio::test]
async fn reports_failures_and_panics_and_passes_over_good_ends() {
    let mut tasks = supervisor();
    tasks.spawn("good", async { Ok(()) });
    tasks.spawn("bad", async { Err(Error::new(Kind::Store, "disk full")) });
    assert_eq!(tasks.failure().await.chain(), "task bad failed: disk full");
    tasks.spawn("worse", async { panic!("broken") });
    let text = tasks.failure().await.to_string();
    assert!(text.starts_with("task worse panicked"), "{text}");
    assert!(tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_tasks_that_heed_the_token() {
    let mut tasks = supervisor();
    let token = tasks.token().clone();
    let mut child = tasks.child();
    let child_token = child.token().clone();
    for (tasks, token) in [(&mut tasks, token), (&mut child, child_token)] {
        tasks.spawn("polite", async move {
            token.cancelled().await;
            Ok(())
        });
    }
    child.stop(Duration::from_secs(1)).await.unwrap();
    assert!(!tasks.token().is_cancelled(), "a child stops alone");
    tasks.stop(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stop_ends_a_task_that_does_not_listen_after_the_limit() {
    let mut tasks = supervisor();
    tasks.spawn("deaf", std::future::pending());
    let started = tokio::time::Instant::now();
    let error = tasks.stop(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "still running 5s after the request to stop: deaf"
    );
    assert_eq!(started.elapsed(), Duration::from_secs(5));
}
