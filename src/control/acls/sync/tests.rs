use super::*;
use crate::checkpoint::MemoryStore;
use crate::control::testing::FakeMirror;
use crate::control::testing::acls::{ALICE, BOB, FakeAcls, LINK, allow, deny, link_config};
use crate::kafka::acl::AclOperation as Op;
use crate::kafka::acl::entry::EVERYBODY;
use crate::model::{KnownTopic, TopicId};

mod crash;

fn mirror_set(topics: &[&str]) -> Arc<MirrorSet> {
    let known = |name: &&str| {
        let topic = KnownTopic {
            source_id: TopicId::NONE,
            target_name: TopicName::new(*name),
            target_id: TopicId::NONE,
            created: true,
            partitions: 1,
            initial_partitions: 1,
            reseeded: None,
        };
        (TopicName::new(*name), topic)
    };
    let known = topics.iter().map(known).collect();
    Arc::new(MirrorSet {
        confirmed: true,
        ..MirrorSet::remembered(&known)
    })
}

struct Bench {
    source: Arc<FakeAcls>,
    target: Arc<FakeAcls>,
    store: Arc<dyn Store>,
    mirror: Arc<FakeMirror>,
    set: watch::Sender<Arc<MirrorSet>>,
    sync: AclSync,
    memory: Memory,
}

impl Bench {
    fn new(rules: &str, source: &[AclEntry], target: &[AclEntry]) -> Self {
        let ends = [source, target].map(|entries| Arc::new(FakeAcls::with(entries)));
        Self::over(rules, ends, Arc::new(MemoryStore::new()))
    }

    fn over(rules: &str, [source, target]: [Arc<FakeAcls>; 2], store: Arc<dyn Store>) -> Self {
        let mirror = Arc::new(FakeMirror::at(10));
        let set = watch::Sender::new(mirror_set(&["t"]));
        let sync = AclSync {
            config: link_config(rules),
            source: Arc::<FakeAcls>::clone(&source),
            target: Arc::<FakeAcls>::clone(&target),
            audit: Arc::new(AuditLog::open(Arc::clone(&store)).unwrap()),
            store: Arc::clone(&store),
            mirrored: Arc::<FakeMirror>::clone(&mirror),
            set: set.subscribe(),
            board: Arc::default(),
            in_flight: InFlight::default(),
        };
        Self {
            memory: sync.memory().unwrap(),
            source,
            target,
            store,
            mirror,
            set,
            sync,
        }
    }

    /// The next process, or the next term.
    fn restarted(self, rules: &str) -> Self {
        self.target.recover();
        let next = Self::over(rules, [self.source, self.target], self.store);
        next.set.send_replace(Arc::clone(&self.set.borrow()));
        next
    }

    async fn round(&mut self) -> Arc<AclStatus> {
        self.sync.round(&mut self.memory).await.unwrap();
        self.sync.board.status()
    }

    fn target_has(&self, entries: &[AclEntry]) {
        let entries: BTreeSet<AclEntry> = entries.iter().cloned().collect();
        assert_eq!(self.target.entries(), entries);
    }

    fn audited(&self) -> Vec<serde_json::Value> {
        let latest = self.sync.audit.latest(100).unwrap().into_iter();
        latest.map(|(_, entry)| entry).rev().collect()
    }
}

const GUARD: &str = "guard_mirrors = true";
const SYNC: &str = "sync_acls = true";
const BOTH: &str = "guard_mirrors = true\nsync_acls = true";

/// The link may do everything, and others may write.
fn shared() -> [AclEntry; 4] {
    [
        allow(LINK, Op::All, "t"),
        allow(ALICE, Op::All, "t"),
        allow(BOB, Op::Write, "*"),
        allow("User:reader", Op::Read, "t"),
    ]
}

fn guards() -> [AclEntry; 2] {
    [deny(ALICE, Op::Write, "t"), deny(BOB, Op::Write, "t")]
}

#[tokio::test(start_paused = true)]
async fn others_are_kept_from_writing_until_the_topic_is_opened() {
    let mut bench = Bench::new(GUARD, &[], &shared());
    let status = bench.round().await;
    bench.target_has(&[shared().as_slice(), &guards()].concat());
    assert_eq!((status.pending, status.unguarded), (0, 0));
    assert!(!status.needs_operator(), "{:?}", status.trouble());
    assert!(bench.target.allows(LINK, Op::Write, "t"));
    assert!(bench.target.allows(ALICE, Op::Read, "t"));
    assert!(!bench.target.allows(ALICE, Op::Write, "t"));
    let changes = bench.target.set(|inner| inner.changes);
    bench.round().await;
    assert_eq!(bench.target.set(|inner| inner.changes), changes);

    // Renewed, with an entry in the audit log.
    let audited = bench.audited().len();
    (bench.target).set(|inner| inner.authorizer.entries.remove(&guards()[0]));
    bench.round().await;
    bench.target_has(&[shared().as_slice(), &guards()].concat());
    assert_eq!(bench.audited().len(), audited + 1);

    // A pause changes nothing; an opened topic has no guard.
    (bench.target).set(|inner| inner.authorizer.entries.remove(&guards()[0]));
    bench.mirror.want(Intent::Paused);
    let status = bench.round().await;
    assert_eq!(status.pending, 1);
    bench.target_has(&[shared().as_slice(), &guards()[1..]].concat());
    bench.mirror.want(Intent::Open);
    let status = bench.round().await;
    bench.target_has(&shared());
    assert_eq!(status.topics[0].role, TopicRole::Open);
    assert!(
        stored_acls(&*bench.store, &"paris-oslo".into())
            .unwrap()
            .is_empty()
    );
    let last = bench.audited().pop().unwrap();
    assert_eq!(last["action"], "change_acls");
    assert_eq!(last["remove"][0], "DENY Write on topic t for User:bob");
}

#[tokio::test(start_paused = true)]
async fn the_guard_is_taken_off_where_the_link_no_longer_guards_or_has_the_topic() {
    let mut bench = Bench::new(GUARD, &[], &shared());
    bench.round().await;
    bench.set.send_replace(mirror_set(&["another"]));
    bench.round().await;
    bench.target_has(&shared());

    bench.set.send_replace(mirror_set(&["t"]));
    bench.round().await;
    bench.target_has(&[shared().as_slice(), &guards()].concat());
    let mut bench = bench.restarted("");
    bench.round().await;
    bench.target_has(&shared());
    // From then on nothing is asked.
    bench.target.set(|inner| inner.is_gone = true);
    assert_eq!(bench.round().await.waits_for, None);
}

#[tokio::test(start_paused = true)]
async fn acls_follow_the_source_and_only_those_the_link_added_are_removed() {
    let source = [
        allow(ALICE, Op::All, "t"),
        allow(BOB, Op::Read, "t"),
        allow(BOB, Op::Write, "t"),
    ];
    let target = [allow(LINK, Op::All, "t"), allow(BOB, Op::Read, "t")];
    let mut bench = Bench::new(SYNC, &source, &target);
    let status = bench.round().await;
    bench.target_has(&[target.as_slice(), &[allow(ALICE, Op::Read, "t")]].concat());
    let by_hand: Vec<&str> = status
        .by_hand
        .items
        .iter()
        .map(|it| it.what.as_str())
        .collect();
    assert!(
        by_hand.contains(&"ALLOW Write on topic t for User:bob"),
        "{by_hand:?}"
    );

    // While the source doesn't answer, or has no authorizer, everything stays.
    bench.source.set(|inner| inner.is_gone = true);
    let status = bench.round().await;
    assert!(status.source_failure.is_some());
    bench
        .source
        .set(|inner| (inner.is_gone, inner.has_no_authorizer) = (false, true));
    bench.round().await;
    bench.target_has(&[target.as_slice(), &[allow(ALICE, Op::Read, "t")]].concat());

    // Removed there, removed here; what was there before stays.
    bench.source.set(|inner| {
        inner.has_no_authorizer = false;
        inner.authorizer.entries.clear();
    });
    bench.round().await;
    bench.target_has(&target);
}

#[tokio::test(start_paused = true)]
async fn a_denial_for_the_links_own_principal_is_taken_back_at_once() {
    let target = [
        allow(ALICE, Op::Write, "t"),
        allow(LINK, Op::All, "t"),
        allow("User:zoe", Op::Write, "t"),
    ];
    let mut bench = Bench::new(GUARD, &[], &target);
    bench.target.set(|inner| inner.is_known = false);
    bench.memory = bench.sync.memory().unwrap();
    let status = bench.round().await;
    assert_eq!(bench.target.set(|inner| inner.refused_itself), 1);
    assert!(bench.target.allows(LINK, Op::Write, "t"));
    let trouble = status.trouble().unwrap();
    assert!(
        trouble.contains("User:link is the link's own principal"),
        "{trouble}"
    );
    assert!(status.needs_operator());
    // Later the others are denied, and the link isn't any more.
    tokio::time::advance(Duration::from_mins(11)).await;
    let status = bench.round().await;
    let guards = ["User:alice", "User:zoe"].map(|it| deny(it, Op::Write, "t"));
    bench.target_has(&[target.as_slice(), &guards].concat());
    assert_eq!(bench.target.set(|inner| inner.refused_itself), 1);
    assert_eq!(status.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn a_topics_first_acl_does_not_shut_out_the_link_nor_open_it_to_others() {
    let source = [allow(ALICE, Op::Read, "t")];
    let mut bench = Bench::new(SYNC, &source, &[]);
    bench.target.set(|inner| inner.authorizer.is_open = true);
    bench.round().await;
    bench.target_has(&[allow(ALICE, Op::Read, "t"), allow(LINK, Op::All, "t")]);
    assert_eq!(bench.target.set(|inner| inner.refused_itself), 0);

    // Where its principal isn't known, nothing stays of it.
    let mut bench = Bench::new(SYNC, &source, &[]);
    bench.target.set(|inner| {
        inner.authorizer.is_open = true;
        inner.is_known = false;
    });
    bench.memory = bench.sync.memory().unwrap();
    let status = bench.round().await;
    bench.target_has(&[]);
    assert!(status.trouble().unwrap().contains("set `principal`"));
    // And it isn't tried all the time.
    bench.round().await;
    assert_eq!(bench.target.set(|inner| inner.refused_itself), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_with_another_principal_is_let_in_again() {
    let target = [allow(ALICE, Op::Write, "t"), allow(LINK, Op::All, "t")];
    // An earlier process knew the link as somebody else.
    let mut bench = Bench::new(GUARD, &[], &target);
    bench.memory.tried.own = BTreeSet::from([ALICE.to_owned()]);
    let denial = deny(LINK, Op::Write, "t");
    let purpose = (AclPurpose::Guard, AclState::Added);
    let recorded = Recorded {
        topic: "t".into(),
        added: [(denial.clone(), purpose)].into(),
    };
    bench.memory.records.insert("t".into(), recorded);
    (bench.target).set(|inner| inner.authorizer.entries.insert(denial.clone()));
    bench.round().await;
    bench.target_has(&target);
    assert!(bench.target.allows(LINK, Op::Write, "t"));
}

#[tokio::test(start_paused = true)]
async fn trouble_is_shown_and_ends_nothing() {
    let mut bench = Bench::new(GUARD, &[], &shared());
    bench.target.set(|inner| inner.refuses_changes = true);
    let status = bench.round().await;
    assert!(status.needs_operator());
    assert!(
        status
            .trouble()
            .unwrap()
            .starts_with("acls wait: not permitted")
    );
    let audited = bench.audited().len();
    bench.round().await;
    assert_eq!(bench.audited().len(), audited, "told once");
    bench.target.set(|inner| inner.refuses_changes = false);
    bench.round().await;
    bench.target_has(&[shared().as_slice(), &guards()].concat());

    bench.target.set(|inner| inner.has_no_authorizer = true);
    let status = bench.round().await;
    assert_eq!(status.unguarded, 1);
    assert!(status.trouble().unwrap().contains("no authorizer"));
    bench
        .target
        .set(|inner| (inner.has_no_authorizer, inner.is_gone) = (false, true));
    let status = bench.round().await;
    assert!(status.trouble().is_some() && !status.is_refused);

    let everybody = allow(EVERYBODY, Op::Write, "t");
    let mut bench = Bench::new(GUARD, &[], &[everybody]);
    let status = bench.round().await;
    let trouble = status.trouble().unwrap();
    assert!(
        trouble.starts_with("unguarded: t: ALLOW Write on topic t for User:*"),
        "{trouble}"
    );
}
