use crate::checkpoint::{MemoryStore, Update};
use crate::replicate::testing::tracked;

use super::*;

#[test]
fn epochs_are_not_believed_of_what_landed_unseen() {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut known = tracked.lock();
    let run = Run::new(SourceOffset(0), TargetOffset(0), 50);
    known.note_epoch(LeaderEpoch(16), SourceOffset(0));
    known.landed(&[run], SourceOffset(50)).unwrap();
    let found = |position| Explanation {
        runs: Vec::new(),
        position: SourceOffset(position),
    };
    known.found(&found(50), TargetOffset(50)).unwrap();
    assert_eq!(known.record.epochs, [(LeaderEpoch(16), SourceOffset(0))]);
    // The source may have written these ten records in another epoch than the last one known.
    known.found(&found(60), TargetOffset(60)).unwrap();
    assert_eq!(known.record.epochs, []);
}

#[tokio::test]
async fn a_map_is_whole_as_soon_as_it_is_loaded() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let load = || tracked(Arc::clone(&store));
    let tracked = load();
    for (from, length) in [(0, 10), (10, 7)] {
        let run = Run::new(SourceOffset(from), TargetOffset(from), length);
        let frontier = SourceOffset(from + 10);
        tracked.lock().landed(&[run], frontier).unwrap();
        let mut update = Update::new();
        let receipt = tracked.save(&mut update).unwrap();
        store.commit(update).await.unwrap();
        tracked.lock().stored(receipt);
    }
    // Before any resync: an offset in the map doesn't translate to its end.
    let loaded = load();
    let found = loaded
        .lock()
        .map
        .to_target(SourceOffset(15), &loaded.runs());
    assert_eq!(found.unwrap(), Lookup::Exact(TargetOffset(15)));
}
