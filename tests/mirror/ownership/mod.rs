//! Two processes of one link, each with its own DB: one mirrors, the other stands by and takes over when the first is
//! silent, whether it is dead or merely suspended.

mod away;
pub(crate) mod fence;
mod forgetful;
mod race;
mod silent;
mod standby;
mod takeovers;
mod topics;

use crate::setting::CATCH_UP;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

/// Waits until a process shows the link in a state, and returns the detail.
async fn shows(farshore: &Farshore, state: &str) -> String {
    let what = format!("the link is {state}");
    eventually(CATCH_UP, &what, async || {
        let shown = farshore.get_json("/v1/links/paris-oslo").await?;
        if shown["state"] == state {
            Ok(shown["detail"].as_str().unwrap_or_default().to_owned())
        } else {
            Err(shown.to_string())
        }
    })
    .await
}

/// Waits until the log of a process first contains a text.
async fn logs(farshore: &Farshore, text: &str) {
    let what = format!("{text:?} is logged");
    eventually(CATCH_UP, &what, async || match logged(farshore, text) {
        0 => Err(farshore.process().stderr()),
        _ => Ok(()),
    })
    .await;
}

/// How often the log of a process contains a text.
fn logged(farshore: &Farshore, text: &str) -> usize {
    farshore.process().stderr().matches(text).count()
}
