//! The test bed: real Kafka clusters, the real farshore binary, and independent clients to compare their contents.
//!
//! Promises: everything it starts is gone when its owner is dropped and when the test process dies by any means; waits are
//! for conditions, with a deadline and a message that describes the last state.
//! Doesn't: use any of farshore's own Kafka code, which is under test.

#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary includes the whole bed and uses a part of it"
)]

pub(crate) mod acls;
pub(crate) mod ask;
pub(crate) mod brokers;
pub(crate) mod certificates;
pub(crate) mod compare;
pub(crate) mod configs;
pub(crate) mod farshore;
pub(crate) mod groups;
pub(crate) mod java;
pub(crate) mod leash;
pub(crate) mod line;
pub(crate) mod operator;
pub(crate) mod pairs;
pub(crate) mod ports;
pub(crate) mod proxy;
pub(crate) mod read;
pub(crate) mod relay;
pub(crate) mod seed;
pub(crate) mod socks;
pub(crate) mod timing;
pub(crate) mod topics;
pub(crate) mod wait;
pub(crate) mod write;
