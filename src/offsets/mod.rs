//! The offset map of one partition: ordered runs, exact in both directions.
//!
//! Promises: every offset inside a run has exactly one image on the other side, and an offset outside is classified: in a
//! gap, before the map, beyond it. Runs that join are one run. Only the newest runs are in memory; older ones leave it as
//! immutable, delta-coded blocks, which the map's owner stores and serves back through [`Blocks`].
//! Doesn't: store anything, depend on Kafka, or decide whether a run is real. The owner appends what is proven.
//!
//! ```text
//!  stored blocks, up to 256 runs each      held          tail
//!  [r r r r][r r r r][r r r r]  ...      [r r r r]     [r r r >     the last run is open: it grows without a write
//!  ^ pruned from here                    ^ sealed, given out by `take_changes` until known to be durable
//! ```

mod block;
mod cut;
mod explanation;
mod lookup;
mod map;

#[cfg(test)]
mod tests;

pub(crate) use explanation::Explanation;

pub use block::{BLOCK_RUNS, Block, BlockError, Blocks, MapError};
pub use lookup::Lookup;
pub use map::{BlockChange, Changes, Receipt, RunMap};
