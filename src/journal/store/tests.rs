use tokio::sync::Mutex;

use super::*;
use crate::checkpoint::MemoryStore;
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::intents::{IntentKeeper, load_pending, put_pending};
use crate::model::{IntentChange, LinkIntents};

#[tokio::test]
async fn without_ownership_an_intent_is_kept_and_no_revision_moves() {
    let link: LinkName = "l".into();
    let disk: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let store = JournaledStore::new(Arc::clone(&disk), |_, _| Ok(Update::new()));
    store.set_journal(&link, true);
    let paused = LinkIntents::default().change(None, IntentChange::Pause, "here", 1);
    let paused = paused.unwrap();
    let mut update = Update::new();
    put_pending(&mut update, &link, &paused);
    store.commit(update).await.unwrap();
    let audit = AuditLog::open(Arc::clone(&disk)).unwrap();
    let keeper = IntentKeeper {
        store: &store,
        link: &link,
        audit: &audit,
        pending: &Mutex::default(),
    };
    let refused = keeper.take_in().await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Refused);
    assert_eq!(load_pending(&store, &link).unwrap(), paused);
    assert_eq!(disk.get(Space::Meta, &keys::revision(&link)).unwrap(), None);
}
