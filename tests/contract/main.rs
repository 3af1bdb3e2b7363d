//! The contract of every seam, as one suite for all its implementations.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod crash;
mod decoding;
mod fuzz;
mod golden;
#[path = "../golden/history.rs"]
mod history;
#[path = "../fuzz/judges.rs"]
mod judges;
mod lists;
mod records;
mod store;
