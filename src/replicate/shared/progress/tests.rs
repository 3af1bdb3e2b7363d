use std::sync::Arc;

use crate::checkpoint::MemoryStore;
use crate::replicate::testing::tracked;

use super::*;

#[test]
fn a_silent_source_is_shown_instead_of_a_live_partition_until_it_answers() {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut known = tracked.lock();
    known.figures.source_end = 0;
    let silent = || Some("no answer".to_owned());
    for state in [PartitionState::Live, PartitionState::CatchingUp] {
        known.figures.state = state;
        known.show_silence(silent());
        let shown = (known.figures.state, known.figures.detail.clone());
        assert_eq!(shown, (PartitionState::Retrying, silent()));
        known.show_silence(None);
        let shown = (known.figures.state, known.figures.detail.clone());
        assert_eq!(shown, (PartitionState::Live, None));
    }
    known.figures.state = PartitionState::Preparing;
    known.show_silence(silent());
    assert_eq!(known.figures.state, PartitionState::Preparing);
}
