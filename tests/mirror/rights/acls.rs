//! The ACLs of mirror topics on real authorizers: carried over, guarded, and taken off again.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{Value, json};

use crate::setting::CATCH_UP;
use crate::support::acls::{self, Acl};
use crate::support::wait::{any_moment, blocking, eventually};
use crate::support::write::{Writer, numbered};

use super::LINK;
use super::guarded::Guarded;

/// How a client logs in as one of the users.
fn as_user(user: &str) -> [(&str, &str); 4] {
    [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", user),
        ("sasl.password", "s3cret"),
    ]
}

impl Guarded {
    /// Changes the ACLs of a cluster as an operator does.
    async fn grants(&self, cluster: &str, what: &str) {
        let command = format!("kafka-acls.sh --add --allow-principal {what}");
        self.run(cluster, &command).await;
    }

    async fn takes(&self, cluster: &str, what: &str) {
        let command = format!("kafka-acls.sh --add --allow-principal {what}");
        let address = match cluster {
            "paris" => self.setting.paris.bootstrap(),
            _ => self.setting.oslo.bootstrap(),
        };
        acls::revoke(&address, &Acl::all_of(&command)).await;
    }

    /// Whether a user may write to a topic on the target; what is written is a foreign record.
    async fn is_refused(&self, user: &str, topic: &str) -> bool {
        let mut settings = as_user(user).to_vec();
        settings.extend([("enable.idempotence", "false"), ("acks", "1")]);
        let writer = Writer::new(&self.logins[1], topic, &settings);
        match writer.try_write(numbered(0, 0..1)).await {
            Ok(()) => false,
            Err(error) => {
                let code = error.rdkafka_error_code();
                let refused = Some(RDKafkaErrorCode::TopicAuthorizationFailed);
                assert_eq!(code, refused, "{error}");
                true
            }
        }
    }

    /// Reads the first record of a topic on the target as a user.
    async fn reads(&self, user: &str, topic_name: &str) {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.logins[1])
            .set("group.id", "readers")
            .set("enable.auto.commit", "false");
        for (name, value) in as_user(user) {
            config.set(name, value);
        }
        let topic = topic_name.to_owned();
        let read = blocking(move || {
            let consumer: BaseConsumer = config.create().expect("a consumer");
            let mut wanted = rdkafka::TopicPartitionList::new();
            wanted
                .add_partition_offset(&topic, 0, rdkafka::Offset::Beginning)
                .expect("a partition");
            consumer.assign(&wanted).expect("an assignment");
            let polled = consumer.poll(Duration::from_secs(20));
            polled.map(|it| it.map(drop))
        });
        match read.await {
            Some(read) => read.expect("a record"),
            None => panic!("{user} reads nothing of {topic_name}"),
        }
    }

    /// Waits until the target has exactly these ACLs on a topic.
    async fn target_has(&self, topic: &str, acls: &[&str]) {
        let oslo = self.setting.oslo.bootstrap();
        eventually(CATCH_UP, &format!("{acls:?} on {topic}"), async || {
            let found = acls::on_topic(&oslo, topic).await;
            (found == acls).then_some(()).ok_or(format!("{found:?}"))
        })
        .await;
    }

    /// Waits until a link shows nothing to do, and returns what it shows.
    async fn acls_settle(&self, link: &str) -> Value {
        eventually(CATCH_UP, "the ACLs are as they should be", async || {
            let shown = self
                .setting
                .farshore
                .get_json(&format!("{link}/acls"))
                .await?;
            let is_settled = shown["pending"] == 0 && !shown["as_of"].is_null();
            is_settled.then_some(shown.clone()).ok_or(shown.to_string())
        })
        .await
    }

    /// Grants what was printed, but on topic `free`.
    async fn grant_what_was_printed(&self) {
        for (cluster, line) in &self.printed {
            // A command without a resource grants nothing.
            self.run(cluster, &line.replace(" --topic free", "")).await;
        }
    }
}

/// What the link itself was granted, with what it has on the source.
const OWN: [&str; 6] = [
    "ALLOW Alter User:farshore",
    "ALLOW AlterConfigs User:farshore",
    "ALLOW Create User:farshore",
    "ALLOW DescribeConfigs User:farshore",
    "ALLOW Read User:farshore",
    "ALLOW Write User:farshore",
];

#[tokio::test(flavor = "multi_thread")]
async fn acls_follow_the_source_and_nobody_but_the_link_writes_until_the_topic_is_opened() {
    let rules = "sync_acls = true\nguard_mirrors = true\nacl_interval = \"300ms\"\nrefresh_interval = \"300ms\"";
    let others = "[links.free]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"free\"]\ngroups = [\"nobody\"]";
    let link =
        format!("topics = [\"orders\"]\ngroups = [\"nobody\"]\n{rules}\n\n{others}\n{rules}");
    let mut guarded = Guarded::start_open(&link).await;
    guarded.grant_what_was_printed().await;
    let of_bob = "User:bob --operation All --topic orders";
    guarded.grants("paris", of_bob).await;
    // Clients of the target may have rights by a pattern.
    let of_alice = "User:alice --operation Write --operation Read --topic ord --resource-pattern-type prefixed";
    guarded.grants("oslo", of_alice).await;
    for topic in ["orders", "free"] {
        guarded.setting.topic(topic, 1, &[]).await;
        guarded.setting.write(topic, 0, 0..20).await;
    }
    guarded.setting.farshore.start().await;
    guarded.lives(LINK, "orders").await;

    let with = |more: &[&'static str]| {
        let mut all = OWN.to_vec();
        all.extend_from_slice(more);
        all.sort_unstable();
        all
    };
    let (synced, guard) = ("ALLOW Read User:bob", "DENY Write User:alice");
    guarded.target_has("orders", &with(&[synced, guard])).await;
    guarded.acls_settle(LINK).await;
    assert!(guarded.is_refused("alice", "orders").await);
    assert!(guarded.is_refused("bob", "orders").await);
    for reader in ["alice", "bob"] {
        guarded.reads(reader, "orders").await;
    }
    guarded.setting.write("orders", 0, 20..30).await;
    guarded.lives(LINK, "orders").await;
    open_to_all(&guarded).await;

    // Killed while there is something to do: the next process does it, and still knows what is its own.
    let mut rng = fastrand::Rng::new();
    guarded.takes("paris", of_bob).await;
    guarded
        .grants("oslo", "User:bob --operation Write --topic orders")
        .await;
    any_moment(&mut rng, Duration::from_millis(600)).await;
    guarded.setting.farshore.kill9();
    guarded.setting.farshore.start().await;
    let by_hand = "ALLOW Write User:bob";
    let both = with(&[guard, "DENY Write User:bob", by_hand]);
    guarded.target_has("orders", &both).await;
    assert!(guarded.is_refused("bob", "orders").await);
    guarded.setting.write("orders", 0, 30..40).await;
    guarded.lives(LINK, "orders").await;

    // Opened, only what the link added is gone.
    let intent = json!({ "intent": "open", "topics": ["orders"] });
    let farshore = &guarded.setting.farshore;
    let answer = farshore.put_json(&format!("{LINK}/intent"), intent).await;
    assert_eq!(answer.map(|it| it.status), Ok(200));
    guarded.target_has("orders", &with(&[by_hand])).await;
    assert!(!guarded.is_refused("alice", "orders").await);
    let audit = farshore.get_json("/v1/audit").await.expect("the audit log");
    let text = audit.to_string();
    assert!(
        text.contains("DENY Write on topic orders for User:bob"),
        "{text}"
    );
}

/// A topic without ACLs, on clusters that permit everything there: the link says that it can't guard it, and what it carries
/// over shuts neither itself nor readers out.
async fn open_to_all(guarded: &Guarded) {
    let link = "/v1/links/free";
    guarded.lives(link, "free").await;
    let shown = guarded.acls_settle(link).await;
    assert_eq!(shown["unguarded"], 1, "{shown}");
    let state = &guarded
        .setting
        .farshore
        .get_json(link)
        .await
        .expect("the link");
    assert_eq!(state["state"], "degraded", "{state}");
    guarded.target_has("free", &[]).await;
    guarded.reads("bob", "free").await;
    guarded
        .grants("paris", "User:farshore --operation All --topic free")
        .await;
    guarded
        .grants("paris", "User:alice --operation Read --topic free")
        .await;
    let both = [
        "ALLOW All User:farshore",
        "ALLOW Read User:alice",
        "ALLOW Read User:farshore",
    ];
    guarded.target_has("free", &both).await;
    guarded.setting.write("free", 0, 20..30).await;
    guarded.lives(link, "free").await;
    guarded.reads("alice", "free").await;
    let shown = guarded.acls_settle(link).await;
    assert_eq!(shown["unguarded"], 0, "{shown}");
}
