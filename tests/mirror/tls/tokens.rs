//! Tokens inside of TLS, on both sides: one that ends while records flow because nothing renews its file in time, and then
//! something does.

use std::time::Duration;

use super::{Bed, OSLO, PARIS, PARTITIONS, write};
use crate::logins::issuer::{Issuer, LITERAL_CLIENT, Mood};
use crate::logins::waits;
use crate::setting::{CATCH_UP, Setting};
use crate::support::certificates::Authority;
use crate::support::farshore::paris_oslo_as;
use crate::support::topics::Counter;

const LINK: &str = "topics = [\"orders\"]\npath = \"raw\"\nrefresh_interval = \"500ms\"";
const ENDED: &str = "the token that it gives has ended by the clock of this machine";
/// Longer than it takes to notice the new file, and to mirror what was written.
const SHORT: Duration = Duration::from_secs(12);
const LONG: Duration = Duration::from_secs(600);

/// The source takes the token of a file, the target those of a token server.
async fn between(bed: &Bed, issuer: &Issuer) -> Setting {
    let keys = bed.path("keys.json");
    let nobody = Authority::new("authority of clients");
    let [paris, oslo] = [(0, PARIS), (1, OSLO)].map(|(number, host)| {
        bed.broker(number, host, "SASL_SSL", &nobody)
            .tokens("tls", &keys)
    });
    let setting = Setting::between(paris, oslo, LINK).await;
    setting.topic("orders", PARTITIONS, &[]).await;
    setting.topic("payments", 1, &[]).await;
    bed.write("token", &issuer.token(LONG));
    configured(bed, &setting, issuer, "header_urlencode = false");
    setting
}

/// Configures both logins; `line` is about the token server.
fn configured(bed: &Bed, setting: &Setting, issuer: &Issuer, line: &str) {
    let (client, secret) = LITERAL_CLIENT;
    let by_file = format!("token_file = \"{}\"", bed.path("token").display());
    let by_url = format!(
        "token_url = \"{}\", client_id = \"{client}\", client_secret_file = \"{}\", scope = \"kafka\", {line}",
        issuer.url("token"),
        bed.write("client-secret", secret).display(),
    );
    let sections = [(0, PARIS, &by_file), (1, OSLO, &by_url)].map(|(number, host, keys)| {
        let login = format!(
            "security_protocol = \"SASL_SSL\"\nsasl = {{ mechanism = \"OAUTHBEARER\", {keys} }}"
        );
        bed.cluster(number, host, &login)
    });
    // The source's brokers without a login are another cluster to farshore.
    let configuration = format!(
        "{}\n[clusters.rome]\nbootstrap_servers = [\"{}\"]\n\
         [links.rome-oslo]\nsource = \"rome\"\ntarget = \"oslo\"\ntopics = [\"payments\"]\npath = \"raw\"\n",
        paris_oslo_as(&sections[0], &sections[1], LINK),
        setting.paris.bootstrap()
    );
    setting.farshore.configure(&configuration);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_its_file_stops_one_side_until_the_file_is_renewed() {
    let bed = Bed::new();
    let issuer = Issuer::start(&bed.path("keys.json")).await;
    issuer.set(Mood::Gives(Duration::from_secs(15)));
    let mut setting = between(&bed, &issuer).await;
    let told = setting.farshore.cli(&["check"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    // The server of the target's tokens takes name and secret as they are.
    configured(&bed, &setting, &issuer, "header_urlencode = true");
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout);
    let hint = "invalid_client; if name and secret are right, the server may not decode them in the header: set header_urlencode = false";
    assert!(text.contains(hint), "{text}");
    configured(&bed, &setting, &issuer, "header_urlencode = false");
    setting.farshore.start().await;
    write(&setting, 0..2_000).await;
    setting.arrives("orders", PARTITIONS, 500).await;

    // Sessions end within three seconds, the last of them with this token.
    bed.write("token", &issuer.token(SHORT));
    write(&setting, 2_000..3_000).await;
    setting.mirrored("orders", PARTITIONS).await;
    waits(&setting, "source", ENDED).await;
    write(&setting, 3_000..4_000).await;
    // The target isn't affected.
    setting.write("payments", 0, 0..500).await;
    let payments = Counter::new(&setting.oslo.bootstrap(), "payments", 1);
    payments.reaches(500, CATCH_UP).await;
    waits(&setting, "source", ENDED).await;
    logs(&setting, 1);

    // Neither does a new process log in, with one that isn't the issuer's.
    setting.farshore.kill9();
    setting.farshore.start().await;
    waits(&setting, "source", ENDED).await;
    let former = Issuer::start(&bed.path("other-keys.json")).await;
    bed.write("token", &former.token(LONG));
    waits(&setting, "source", "the broker refuses the token").await;
    let orders = Counter::new(&setting.oslo.bootstrap(), "orders", PARTITIONS);
    assert_eq!(orders.count().await, Ok(6_000), "nothing more arrived");
    bed.write("token", &issuer.token(LONG));
    setting.mirrored("orders", PARTITIONS).await;
    write(&setting, 4_000..5_000).await;
    setting.mirrored("orders", PARTITIONS).await;
    logs(&setting, 2);
    assert_eq!(setting.compare("orders", PARTITIONS).await, 10_000);
    assert_eq!(setting.compare("payments", 1).await, 500);
}

/// The failed logins have one line each in the log, and nothing else is wrong.
fn logs(setting: &Setting, failures: usize) {
    let log = setting.farshore.process().stderr();
    let failed: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("cluster login failed"))
        .collect();
    assert_eq!(failed.len(), failures, "{log}");
    assert!(failed.iter().all(|line| line.contains("paris")), "{log}");
    assert!(!log.contains("cluster cannot be reached"), "{log}");
}
