//! farshore against real brokers: what arrives on the target is what the source holds, whatever happens on the way.

#[path = "../support/mod.rs"]
mod support;

mod exactness;
mod hazards;
mod histories;
mod setting;
