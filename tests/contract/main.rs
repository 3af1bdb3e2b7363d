//! What every implementation of a seam promises, as one suite for all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod crash;
mod golden;
#[path = "../golden/history.rs"]
mod history;
mod lists;
mod records;
mod store;
