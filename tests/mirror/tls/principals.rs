//! A source that knows clients by their certificates, a target that knows them by a password inside of TLS, and on both no
//! rights but those that farshore prints.

use std::collections::BTreeSet;

use super::{Bed, LINK, OSLO, PARIS, PARTITIONS, configure, write};
use crate::logins::waits;
use crate::setting::{CATCH_UP, Setting};
use crate::support::acls::{self, Acl};
use crate::support::certificates::Authority;
use crate::support::wait::eventually;

/// Whom the source's brokers take for whom.
const RULES: &str = "RULE:^CN=([a-z]+)[.]paris$/svc-$1/,DEFAULT";
const PASSWORD: &str = "s3cret";
const REFUSED: &str = "SASL_AUTHENTICATION_FAILED";

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
        let printed = ["--principal", "User:svc-farshore"];
        let of_paris = self.printed(&paris, "User:svc-farshore", &printed).await;
        acls::grant(&self.setting.paris.bootstrap(), &of_paris).await;
        let of_oslo = self.printed(&oslo, "User:farshore", &[]).await;
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

    /// What `check` finds: its code and its output.
    async fn check(&self) -> (Option<i32>, String) {
        let output = self.setting.farshore.cli(&["check"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_a_password_have_exactly_the_rights_that_are_printed() {
    let mut known = Known::start().await;
    let (code, text) = known.check().await;
    eprintln!("NO RIGHTS {code:?} {text}");
    known.grant().await;
    let (code, text) = known.check().await;
    eprintln!("GRANTED {code:?} {text}");

    // The wrong password; the certificate of somebody else.
    known.bed.write("password", "wrong");
    let (code, text) = known.check().await;
    eprintln!("WRONG {code:?} {text}");
    known.bed.write("password", PASSWORD);
    known.bed.identify(&known.clients.issue("auditor.paris", 90));
    let (code, text) = known.check().await;
    eprintln!("AUDITOR {code:?} {text}");
    known.bed.identify(&known.clients.issue("farshore.paris", 90));

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
    known.bed.identify(&known.clients.issue("auditor.paris", 90));
    setting.farshore.start().await;
    write(setting, 3_000..4_000).await;
    eventually(std::time::Duration::from_secs(8), "x", async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let topic = setting.farshore.get_json("/v1/links/paris-oslo/topics/orders").await?;
        Err::<(), _>(format!("{link:#} {topic:#} {}", setting.farshore.process().stderr()))
    }).await;
}
