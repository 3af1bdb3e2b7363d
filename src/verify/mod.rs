//! Proves that a mirror holds what its source holds.
//!
//! Promises: both sides are read as a consumer reads them and compared record by record through the offset map; a changed,
//! missing, duplicated or swapped record is found, and the first difference is reported with its offsets; whatever
//! compaction, retention and recorded decisions explain is no difference; reading stays within a rate; findings survive a
//! restart, which continues where it was interrupted. Doesn't: write to a cluster, halt or repair anything.
//!
//! ```text
//!  source --reader--> digests --+
//!                               +-> comparison -> tally: hashes of both sides, differences, the first of them
//!  target --reader--> digests --+        places through map and history
//! ```

mod comparison;
mod digest;
mod examine;
mod examined;
mod pace;
mod pending;
mod places;
mod range;
mod reader;
mod tally;
mod verification;
mod verifications;
mod verifier;

pub use examined::{Examined, VerifyPosition};
pub use tally::{Difference, DifferenceKind, Outcome, Rolling, Tally};
pub use verification::{Proof, Report, Stage, Verification};
pub use verifications::Verifications;
pub use verifier::{Settings, Verifier};
