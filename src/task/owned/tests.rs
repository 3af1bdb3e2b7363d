use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn dropping_ends_the_task() {
    let (held, released) = oneshot::channel::<()>();
    let task = Owned::spawn("holder", async move {
        std::future::pending::<()>().await;
        drop(held);
        Ok(())
    });
    assert!(!task.is_finished());
    drop(task);
    assert!(released.await.is_err(), "the task's values are dropped");
}

#[tokio::test]
async fn join_gives_result_error_and_panic() {
    assert!(Owned::spawn("fine", async { Ok(()) }).join().await.is_ok());
    let failed = Owned::spawn("reader", async { Err(Error::new(Kind::TimedOut, "slow")) });
    let error = failed.join().await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert_eq!(error.chain(), "task reader failed: slow");
    let panicked = Owned::spawn("writer", async { panic!("broken") });
    let text = panicked.join().await.unwrap_err().chain();
    assert!(text.starts_with("task writer panicked"), "{text}");
    assert!(text.ends_with("with message \"broken\""), "{text}");
}
