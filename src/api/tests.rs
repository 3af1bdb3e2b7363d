//! The API behind a real listener, queried by a minimal client and by the command line.

mod abuse;
mod bench;
mod certificates;
mod changes;
mod client;
mod documented;
mod doors;
mod explaining;
mod guards;
mod intents;
mod moves;
mod reading;
mod releases;
mod selection;
mod serving;

use bench::{Bench, access, wide};
use client::{Answer, Ask, timeless};
