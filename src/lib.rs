//! farshore mirrors Apache Kafka topics from one cluster to another and moves consumer groups between sites, exact to the
//! offset.
//!
//! The modules are grouped by layer, the lowest first; see `docs/architecture.md` for the map.

pub mod error;
pub mod model;

pub mod offsets;

pub mod checkpoint;
pub mod config;
pub mod files;
pub mod journal;
pub mod kafka;
pub mod task;
pub mod telemetry;

pub mod control;
pub mod failover;
pub mod replicate;
pub mod verify;

pub mod api;
mod check;
pub mod cli;
mod contract;

pub mod app;
mod clusters;
