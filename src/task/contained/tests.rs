use super::*;

#[tokio::test]
async fn results_pass_and_panics_become_errors() {
    assert_eq!(contained("sum", async { Ok(3) }).await.unwrap(), 3);
    let failed = contained("reader", async {
        Err::<(), _>(Error::new(Kind::TimedOut, "slow"))
    });
    assert_eq!(failed.await.unwrap_err().kind(), Kind::TimedOut);
    for number in [0, 7] {
        let panics = contained::<()>("writer", async move {
            tokio::task::yield_now().await;
            assert!(number > 0, "broken");
            panic!("broken {number}");
        });
        let text = panics.await.unwrap_err().chain();
        assert!(text.starts_with("writer panicked"), "{text}");
        assert!(text.contains("broken"), "{text}");
    }
}
