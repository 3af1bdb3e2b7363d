//! Moves of groups as made by an operator: planned, applied by hash, with farshore or a site killed in between.

mod arrived;
mod large;
mod lost;
mod phases;
mod refused;
mod switchover;
mod told;
