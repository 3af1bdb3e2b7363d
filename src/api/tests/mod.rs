//! The API behind a real listener, asked by a plain client and by the command line.

mod abuse;
mod bench;
mod changes;
mod client;
mod documented;
mod guards;
mod intents;
mod moves;
mod reading;
mod serving;

use bench::{Bench, wide};
use client::{Answer, Ask};
