use crate::kafka::client::tls::testing::{Authority, Files, VALID};
use crate::task::testing::passes;

use super::*;

const MOMENT: Duration = FILES_AGE_MAX.saturating_mul(2);

#[tokio::test(start_paused = true)]
async fn changed_files_are_taken_up_and_broken_ones_are_not() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    files.identify(&authority.issue(&["farshore"], VALID));
    let renewal = Renewal::new("paris".into(), files.with_identity());
    let first = renewal.credentials().await.unwrap();
    assert_eq!(renewal.ends_at(), first.ends_at);
    let is_first = |now: &Credentials| Arc::ptr_eq(&now.config, &first.config);
    passes(MOMENT).await;
    assert!(is_first(&renewal.credentials().await.unwrap()));

    let next = authority.issue(&["farshore"], -1..10);
    files.write("cert.pem", &next.chain);
    assert!(
        is_first(&renewal.credentials().await.unwrap()),
        "too early for another look"
    );
    passes(MOMENT).await;
    // The key is still the former one.
    assert!(is_first(&renewal.credentials().await.unwrap()));
    let trouble = renewal.trouble().unwrap();
    assert!(
        trouble.contains("isn't the key of the certificate"),
        "{trouble}"
    );

    files.write("key.pem", &next.key);
    passes(MOMENT).await;
    let second = renewal.credentials().await.unwrap();
    assert!(!is_first(&second) && second.ends_at < first.ends_at);
    assert_eq!(renewal.trouble(), None);

    std::fs::remove_file(files.path("ca.pem")).unwrap();
    passes(MOMENT).await;
    let third = renewal.credentials().await.unwrap();
    assert!(Arc::ptr_eq(&third.config, &second.config));
    assert!(renewal.trouble().unwrap().contains("ca.pem can't be read"));
}

#[tokio::test(start_paused = true)]
async fn without_any_usable_files_there_are_no_credentials_until_there_are() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let renewal = Renewal::new("paris".into(), files.with_identity());
    let error = renewal.credentials().await.unwrap_err().chain();
    assert!(error.contains("the TLS files can't be used ("), "{error}");
    assert!(
        error.contains("cert.pem can't be read") && error.contains("key.pem"),
        "{error}"
    );
    files.identify(&authority.issue(&["farshore"], VALID));
    renewal.credentials().await.unwrap();
}

#[tokio::test]
async fn while_the_files_are_looked_at_others_use_what_is_known() {
    let files = Files::trusting(&Authority::new("authority"));
    let renewal = Renewal::new("paris".into(), files.settings());
    let first = renewal.credentials().await.unwrap();
    let looking = Arc::clone(&renewal.looking).acquire_owned().await.unwrap();
    renewal.state.lock().looked_at = None;
    let known = renewal.credentials().await.unwrap();
    assert!(Arc::ptr_eq(&known.config, &first.config));
    drop(looking);
}

#[test]
fn only_the_system_s_store_is_looked_at_rarely() {
    let files = Files::trusting(&Authority::new("authority"));
    assert_eq!(age_max(&TlsSettings::default()), SYSTEM_AGE_MAX);
    assert_eq!(age_max(&files.settings()), FILES_AGE_MAX);
    let identified = TlsSettings {
        ca_file: None,
        ..files.with_identity()
    };
    assert_eq!(age_max(&identified), FILES_AGE_MAX);
}
