//! Links between clusters that never answer, added and removed while others run.

use std::io::Write;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::app::identity::this_process;
use crate::app::store_recovery::StoreRecovery;
use crate::checkpoint;
use crate::checkpoint::Update;
use crate::config;

const CONFIG: &str = r#"
[clusters.paris]
bootstrap_servers = ["127.0.0.1:1"]
[clusters.oslo]
bootstrap_servers = ["127.0.0.1:2"]
[clusters.rome]
bootstrap_servers = ["127.0.0.1:3"]

[links.paris-oslo]
source = "paris"
target = "oslo"
topics = ["t"]

[links.paris-rome]
source = "paris"
target = "rome"
topics = ["t"]
journal = false
"#;

struct Bench {
    registry: Arc<Registry>,
    config: Config,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("farshore.toml");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(CONFIG.as_bytes()).unwrap();
        let config = config::load(&path).unwrap();
        let place = directory.path().join("db");
        let disk = checkpoint::open(&place).unwrap();
        let me = this_process(&*disk, &place, "http://here").await.unwrap();
        let health = StoreRecovery::new(Arc::clone(&disk)).health().clone();
        let store = Arc::new(JournaledStore::new(disk, |_, _| Ok(Update::new())));
        let audit = AuditLog::open(Arc::<JournaledStore>::clone(&store)).unwrap();
        let shared = SharedByLinks {
            store,
            health,
            audit: Arc::new(audit),
            me,
        };
        Self {
            registry: Arc::new(Registry::new(shared)),
            config,
            _directory: directory,
        }
    }

    fn add(&self, name: &str) -> Result<()> {
        let mut links = self.config.links.iter();
        let link = links.find(|link| link.name.as_str() == name).unwrap();
        self.registry.add(&self.config, link)
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let name = LinkName::new(name);
        let removing = self.registry.remove(&name);
        timeout(Duration::from_secs(20), removing).await.unwrap()
    }

    /// The links as seen by the API and the metrics, and as seen by moves.
    fn published(&self) -> [Vec<String>; 2] {
        let handles = self.registry.handles();
        let sites = self.registry.sites();
        let handles = handles.borrow().keys().map(ToString::to_string).collect();
        let sites = sites.borrow().keys().map(ToString::to_string).collect();
        [handles, sites]
    }

    /// The open clusters, with their numbers of uses.
    fn open(&self) -> Vec<(String, usize)> {
        let clusters = self.registry.clusters.lock();
        let open = clusters.iter();
        open.map(|(name, open)| (name.to_string(), open.uses))
            .collect()
    }
}

fn uses(of: &[(&str, usize)]) -> Vec<(String, usize)> {
    let named = of.iter();
    named
        .map(|(name, uses)| ((*name).to_owned(), *uses))
        .collect()
}

#[tokio::test]
async fn links_come_and_go_while_others_run() {
    let bench = Bench::new().await;
    bench.add("paris-oslo").unwrap();
    bench.add("paris-rome").unwrap();
    let both = || vec!["paris-oslo".to_owned(), "paris-rome".to_owned()];
    assert_eq!(bench.published(), [both(), both()]);
    assert_eq!(
        bench.open(),
        uses(&[("oslo", 1), ("paris", 2), ("rome", 1)])
    );
    let again = bench.add("paris-oslo").unwrap_err();
    assert_eq!(again.kind(), Kind::Refused);

    let handles = bench.registry.handles();
    let former = Arc::clone(&handles.borrow()[&LinkName::new("paris-rome")]);
    let right = Arc::clone(&bench.registry.sites().borrow()[&LinkName::new("paris-rome")]);
    let mut term = right.ownership.term();
    term.wait_for(Option::is_some).await.unwrap();
    bench.remove("paris-rome").await.unwrap();
    assert!(!right.ownership.is_held(), "moves of it end");
    let one = || vec!["paris-oslo".to_owned()];
    assert_eq!(bench.published(), [one(), one()]);
    assert_eq!(bench.open(), uses(&[("oslo", 1), ("paris", 1)]));
    let unknown = bench.remove("paris-rome").await.unwrap_err();
    assert_eq!(unknown.kind(), Kind::Invalid);

    bench.add("paris-rome").unwrap();
    let present = Arc::clone(&handles.borrow()[&LinkName::new("paris-rome")]);
    assert!(!Arc::ptr_eq(&former, &present));
    bench.remove("paris-oslo").await.unwrap();
    bench.remove("paris-rome").await.unwrap();
    assert_eq!(bench.open(), []);
}

#[tokio::test]
async fn a_stop_ends_all_links() {
    let bench = Bench::new().await;
    bench.add("paris-oslo").unwrap();
    bench.add("paris-rome").unwrap();
    let stop = CancellationToken::new();
    let keeping = Owned::spawn("links", Arc::clone(&bench.registry).keep(stop.clone()));
    stop.cancel();
    let stopping = timeout(Duration::from_secs(20), keeping.join());
    stopping.await.unwrap().unwrap();
    assert_eq!(bench.published(), [Vec::<String>::new(), Vec::new()]);
    assert_eq!(bench.open(), []);
}

#[tokio::test]
async fn a_link_of_an_unknown_cluster_opens_nothing() {
    let mut bench = Bench::new().await;
    bench.config.clusters.remove(&ClusterName::new("rome"));
    let error = bench.add("paris-rome").unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(bench.open(), []);
    assert_eq!(bench.published(), [Vec::<String>::new(), Vec::new()]);
}
