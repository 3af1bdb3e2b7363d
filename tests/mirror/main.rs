//! farshore against real brokers: what arrives on the target is what the source holds, whatever happens on the way.

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod chaos;
mod checks;
mod circles;
mod databases;
mod discovery;
mod disks;
mod doors;
mod exactness;
mod explain;
mod failover;
mod fairness;
mod groups;
pub(crate) mod hazards;
mod histories;
mod intents;
mod journal;
mod lag;
mod lives;
mod logins;
mod network;
mod noise;
mod old_formats;
mod ownership;
mod premises;
mod preserve;
mod record;
mod rights;
mod service;
mod setting;
mod strangers;
mod stress;
mod tls;
mod topologies;
mod unmirrored;
mod verify;
mod versions;
