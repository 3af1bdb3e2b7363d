//! A source that knows clients by their certificates, a target that knows them by a password inside of TLS, and on both no
//! rights but those that farshore prints.

use serde_json::Value;

use super::{Bed, LIMIT, LINK, OSLO, PARIS, PARTITIONS, configure, write};
use crate::logins::waits;
use crate::setting::Setting;
use crate::support::acls::{self, Acl};
use crate::support::certificates::Authority;
use crate::support::wait::eventually;

/// How the source's brokers make a principal of a certificate.
const RULES: &str = "RULE:^CN=([a-z]+)[.]paris$/svc-$1/,DEFAULT";
const PASSWORD: &str = "s3cret";
const REFUSED: &str = "SASL_AUTHENTICATION_FAILED";
const UNSEEN: &str = "the expression \"orders\" in topics selects no topic of paris";

/// Both clusters, and farshore with the rights it asks for.
struct Known {
    bed: Bed,
    clients: Authority,
    setting: Setting,
}

impl Known {
    async fn start() -> Self {
        let bed = Bed::new();
        let clients = Authority::new("authority of clients");
        bed.identify(&clients.issue("farshore.paris", 90));
        bed.write("password", PASSWORD);
        let paris = bed
            .broker(0, PARIS, "SSL", &clients)
            .property("listener.name.tls.ssl.client.auth", "required")
            .property("listener.name.tls.ssl.principal.mapping.rules", RULES)
            .authorized();
        let oslo = bed
            .broker(1, OSLO, "SASL_SSL", &clients)
            .scram_over_tls("SCRAM-SHA-512", ("farshore", PASSWORD))
            .authorized();
        let setting = Setting::between(paris, oslo, LINK).await;
        setting.topic("orders", PARTITIONS, &[]).await;
        let login = format!(
            "security_protocol = \"SASL_SSL\"\n\
             sasl = {{ mechanism = \"SCRAM-SHA-512\", username = \"farshore\", password_file = \"{}\" }}",
            bed.path("password").display()
        );
        configure(&setting, &bed.paris(), &bed.cluster(1, OSLO, &login));
        Self {
            bed,
            clients,
            setting,
        }
    }

    /// Grants what is printed: on the source to the principal that its rules make of the certificate, on the target to
    /// the user that logs in.
    async fn grant(&self) {
        let [paris, oslo] = [0, 1].map(|number: usize| self.bed.ports[number].address());
        let printed = ["--principal", "paris=User:svc-farshore"];
        let of_paris = self.printed(&paris, "User:svc-farshore", &printed).await;
        acls::grant(&self.setting.paris.bootstrap(), &of_paris).await;
        let of_oslo = self.printed(&oslo, "User:farshore", &printed).await;
        let unknown = ["check", "--print-acls", "--principal", "pairs=User:a"];
        let refused = self.setting.farshore.cli(&unknown).await;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(told.contains("did you mean \"paris\"?"), "{told}");
        acls::grant(&self.setting.oslo.bootstrap(), &of_oslo).await;
    }

    /// What farshore asks for on the cluster at `address`.
    async fn printed(&self, address: &str, principal: &str, arguments: &[&str]) -> Vec<Acl> {
        let all = [&["check", "--print-acls"], arguments].concat();
        let output = self.setting.farshore.cli(&all).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let is_asked = |line: &&str| line.starts_with("kafka-acls.sh ") && line.contains(address);
        let lines: Vec<&str> = text.lines().filter(is_asked).collect();
        assert!(!lines.is_empty(), "{text}");
        let allowed = format!("--allow-principal {principal} ");
        assert!(lines.iter().all(|it| it.contains(&allowed)), "{text}");
        lines.into_iter().flat_map(Acl::all_of).collect()
    }

    /// Replaces farshore's certificate by one of `name`.
    fn identify(&self, name: &str) {
        let issued = self.clients.issue(&format!("{name}.paris"), 90);
        self.bed.identify(&issued);
    }

    /// Checks what `check` finds, and how much. Returns its output.
    async fn finds(&self, count: &str, told: &[&str]) -> String {
        let (code, text) = self.check().await;
        assert_eq!(code, Some(1), "{text}");
        for expected in told.iter().chain([&count]) {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        text
    }

    /// Runs `check`. Returns its code and its output.
    async fn check(&self) -> (Option<i32>, String) {
        let output = self.setting.farshore.cli(&["check"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_a_password_have_the_rights_that_are_printed_and_no_others() {
    let mut known = Known::start().await;
    known
        .finds(
            "2 problems found",
            &[
                UNSEEN,
                "its journal __farshore.paris-oslo would not be created",
            ],
        )
        .await;
    known.grant().await;
    let (code, text) = known.check().await;
    assert_eq!(code, Some(0), "{text}");
    tells_apart(&known).await;

    let setting = &mut known.setting;
    setting.farshore.start().await;
    write(setting, 0..2_000).await;
    setting.arrives("orders", PARTITIONS, 500).await;
    setting.farshore.kill9();
    write(setting, 2_000..3_000).await;
    setting.farshore.start().await;
    setting.mirrored("orders", PARTITIONS).await;
    assert_eq!(setting.compare("orders", PARTITIONS).await, 6_000);
    setting.farshore.kill9();
    stops_and_goes_on(&mut known).await;
    assert_eq!(known.setting.compare("orders", PARTITIONS).await, 8_000);
}

/// What is wrong is told apart, in one line each.
async fn tells_apart(known: &Known) {
    known.bed.write("password", "wrong");
    let told = [REFUSED, "correct [clusters.oslo.sasl]"];
    let text = known.finds("1 problem found", &told).await;
    assert!(!text.contains(UNSEEN), "{text}");
    known.bed.write("password", PASSWORD);
    known.identify("auditor");
    let told = [UNSEEN, "or grant Describe on it"];
    let text = known.finds("1 problem found", &told).await;
    assert!(!text.contains(REFUSED), "{text}");
    known.identify("farshore");
}

/// A process with the certificate of somebody else, and one with a wrong password, which is put right.
async fn stops_and_goes_on(known: &mut Known) {
    known.identify("auditor");
    known.setting.farshore.start().await;
    write(&known.setting, 3_000..4_000).await;
    not_permitted(&known.setting).await;
    let log = known.setting.farshore.process().stderr();
    assert!(!log.contains("cluster login failed"), "{log}");
    known.setting.farshore.kill9();

    known.identify("farshore");
    known.bed.write("password", "wrong");
    known.setting.farshore.start().await;
    waits(&known.setting, "target", REFUSED).await;
    known.bed.write("password", PASSWORD);
    known.setting.mirrored("orders", PARTITIONS).await;
    let log = known.setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 1, "{log}");
    assert!(!log.contains("cluster cannot be reached"), "{log}");
}

/// Waits until every partition is halted without a right on the source, while both clusters are reached.
async fn not_permitted(setting: &Setting) {
    let link = "/v1/links/paris-oslo";
    eventually(LIMIT, "the right is missing", async || {
        let shown = setting.farshore.get_json(link).await?;
        let topic = format!("{link}/topics/orders");
        let topic = setting.farshore.get_json(&topic).await?;
        let rows = topic["partitions"].as_array().ok_or("no rows")?;
        let is_halted = |row: &Value| {
            let message = row["reason"]["message"].as_str().unwrap_or_default();
            row["reason"]["code"] == "not_permitted"
                && message.contains("(cluster paris); grant Read on topic orders: ")
                && message.contains("--allow-principal 'User:<principal of the certificate>'")
        };
        let is_reached = ["source_reachable", "target_reachable"].map(|end| shown[end] == true);
        let is_so = !rows.is_empty() && rows.iter().all(is_halted) && is_reached == [true; 2];
        is_so
            .then_some(())
            .ok_or_else(|| format!("{shown} {topic}"))
    })
    .await;
}
