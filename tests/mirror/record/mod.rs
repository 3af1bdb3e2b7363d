//! The record path: the same promises through librdkafka, and its own means to keep them.

mod differential;
mod fence;
mod foreign;
mod lost;
mod racing;
mod switched;
mod tail;

use crate::hazards::{between, spec};
use crate::setting::{Path, Setting};

/// Two clusters and a link on the record path with these lines.
async fn setting(link: &str) -> Setting {
    between(spec(), spec(), &Path::Record.configured(link)).await
}
