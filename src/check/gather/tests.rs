//! How long a check takes where nothing answers, or something else does; in virtual time.

use tokio::time::Instant;

use crate::check::finding::Finding;
use crate::check::findings::findings;
use crate::config;
use crate::contract::UnreachableCause as Cause;
use crate::kafka::client::testing::{FakeNet, Manner, Reply, advertising, door};

use super::*;

/// The promise, of which a start takes its part, and so does what is printed.
const PROMISED: Duration = Duration::from_secs(15);

/// What is wrong with a cluster.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// The names that its brokers advertise don't resolve.
    Names,
    /// What its brokers advertise swallows every packet.
    Holes,
    /// The bootstrap address swallows every packet.
    Hole,
    /// The bootstrap address accepts connections and never answers.
    Silence,
    /// Nothing but the versions is told.
    NoMetadata,
    /// Its brokers answer a few questions, and none about what they hold.
    NoAnswers,
}

/// A net on which `host` is the bootstrap address of a cluster of that name with these brokers, all of them with it wrong.
fn broken(net: &FakeNet, host: &'static str, brokers: usize, wrong: Wrong) {
    let bootstrap = format!("{host}:1");
    let advertised: Vec<String> = (1..=brokers)
        .map(|id| format!("{host}-{id}.inside:9092"))
        .collect();
    for (id, address) in (1..).zip(&advertised) {
        match wrong {
            Wrong::Names => net.forget_name(&format!("{host}-{id}.inside")),
            Wrong::Holes => net.swallow(address),
            Wrong::NoAnswers => net.broker(address, |_| Reply::Nothing),
            Wrong::Hole | Wrong::Silence | Wrong::NoMetadata => {}
        }
    }
    let all: Vec<&str> = advertised.iter().map(String::as_str).collect();
    let told = advertising(host, &all);
    match wrong {
        Wrong::Hole => net.swallow(&bootstrap),
        Wrong::Silence => net.script(&bootstrap, |stream| async {
            std::future::pending::<()>().await;
            drop(stream);
        }),
        Wrong::NoMetadata => net.broker(&bootstrap, |_| Reply::Nothing),
        Wrong::Names | Wrong::Holes => net.broker(&bootstrap, door(told, Manner::HangsUp)),
        Wrong::NoAnswers => net.broker(&bootstrap, door(told, Manner::Silent)),
    }
}

/// Checks a link from `paris` to `oslo`, which preserves offsets, and asserts that it takes no longer than promised.
async fn checked(net: &FakeNet) -> (Facts, Vec<Finding>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[clusters.paris]\nbootstrap_servers = [\"paris:1\"]\n\
        [clusters.oslo]\nbootstrap_servers = [\"oslo:1\"]\n\
        [links.l]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"orders\"]\noffsets = \"preserve\"\n";
    std::fs::write(file.path(), text).unwrap();
    let config = config::load(file.path()).unwrap();
    let cluster = |name: &'static str| {
        let cluster = net.cluster_with(&[&format!("{name}:1")], |settings| {
            settings.name = name.into();
            HASTE.limit(settings);
        });
        (ClusterName::from(name), Watched::new(cluster, None))
    };
    let clusters = Clusters::from([cluster("paris"), cluster("oslo")]);
    let began = Instant::now();
    let nothing = async { Ok(BTreeMap::new()) };
    let facts = facts_of(&config, &clusters, nothing, Deadline::from_now()).await;
    let took = began.elapsed();
    assert!(took < PROMISED, "{took:?}");
    let findings = findings(&facts);
    for finding in &findings {
        assert!(!finding.fix.contains("kafka-acls"), "{finding:#?}");
    }
    (facts, findings)
}

#[tokio::test(start_paused = true)]
async fn a_check_answers_in_time_whatever_is_wrong() {
    use Wrong::{Hole, Holes, Names, NoAnswers, NoMetadata, Silence};
    for wrong in [Names, Holes, Hole, Silence, NoMetadata, NoAnswers] {
        for brokers in [3, 100] {
            let net = FakeNet::default();
            broken(&net, "paris", brokers, wrong);
            broken(&net, "oslo", brokers, wrong);
            let (facts, findings) = checked(&net).await;
            let is_reached = facts.clusters.values().all(|it| it.reached.is_ok());
            let should_be = matches!(wrong, Names | Holes | NoAnswers);
            assert_eq!(is_reached, should_be, "{wrong:?}");
            assert!(findings.len() >= 2, "{wrong:?}: {findings:#?}");
            assert!(findings.len() <= 8, "{wrong:?}: {findings:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_side_tells_is_known_although_the_other_does_not_answer() {
    let net = FakeNet::default();
    broken(&net, "paris", 3, Wrong::Names);
    broken(&net, "oslo", 3, Wrong::Hole);
    let (facts, findings) = checked(&net).await;
    let [oslo, paris] = ["oslo", "paris"].map(|it| &facts.clusters[&ClusterName::from(it)]);
    assert!(oslo.reached.is_err());
    let told = paris.reached.as_ref().unwrap();
    assert_eq!((&*told.id, told.brokers), ("paris", 3));
    let causes: Vec<Cause> = told.unreached.iter().map(|it| it.cause).collect();
    assert_eq!(causes, [Cause::Unresolved; 3]);
    let of_names = findings.iter().find(|it| it.what.contains("don't resolve"));
    let fix = &of_names.unwrap_or_else(|| panic!("{findings:#?}")).fix;
    assert!(fix.contains("\"paris-1.inside:9092\" = "), "{fix}");
}

#[tokio::test(start_paused = true)]
async fn a_link_is_told_what_is_not_known_of_it() {
    let net = FakeNet::default();
    for host in ["paris", "oslo"] {
        broken(&net, host, 3, Wrong::Names);
    }
    let (facts, findings) = checked(&net).await;
    let found = facts.links[0].found.as_ref().unwrap().as_ref().unwrap();
    let unknown: Vec<&str> = found.unknown.iter().map(|(what, _)| *what).collect();
    for what in ["consumer groups", "whether offsets can be preserved"] {
        assert!(unknown.contains(&what), "{unknown:?}");
    }
    assert_eq!(found.groups, None);
    assert_eq!(found.topics.len(), 1, "the metadata has it");
    let of_link = findings
        .iter()
        .find(|it| it.what.starts_with("not known: "));
    assert!(of_link.is_some(), "{findings:#?}");
}
