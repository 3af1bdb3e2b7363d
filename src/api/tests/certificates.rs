//! What a link tells about certificates.

use serde_json::json;

use super::*;
use crate::api::state::Condition;
use crate::model::CertificateEnds;

/// 2099-01-01T00:00:00Z.
const LATE: i64 = 4_070_908_800;

#[tokio::test]
async fn a_link_tells_when_certificates_end_and_advises_to_renew_them() {
    let bench = Bench::start().await;
    let link = async |ends: [CertificateEnds; 2]| {
        let change = |it: &mut Condition| it.certificates = ends;
        bench.condition.send_modify(change);
        bench.get("/v1/links/paris-oslo").await.json
    };
    let source = CertificateEnds {
        client: Some(LATE),
        server: Some(("b:1".to_owned(), LATE + 86_400)),
        trouble: None,
    };
    let target = CertificateEnds {
        client: None,
        ..source.clone()
    };
    let told = link([source.clone(), target.clone()]).await;
    let expected = json!([
        { "cluster": "paris", "side": "client", "ends_at": "2099-01-01T00:00:00Z" },
        { "cluster": "paris", "side": "server", "ends_at": "2099-01-02T00:00:00Z" },
        { "cluster": "oslo", "side": "server", "ends_at": "2099-01-02T00:00:00Z" },
    ]);
    assert_eq!(told["certificates"], expected);
    assert!(told.get("detail").is_none(), "{told}");
    let ended = CertificateEnds {
        client: Some(0),
        ..source
    };
    let told = link([ended, target]).await;
    let advice = "farshore's certificate for cluster paris ended at 1970-01-01T00:00:00Z: renew cert_file and key_file of [clusters.paris.tls]";
    assert_eq!(told["detail"], advice);
    assert_eq!(told["state"], "degraded", "as without it");
}
