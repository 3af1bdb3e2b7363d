//! When the certificates of a cluster's connections end.

use jiff::Timestamp;

use super::ClusterName;

/// The ends of the certificates of both sides; all `None` without TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateEnds {
    /// When the client's certificate ends, in seconds since 1970.
    pub client: Option<i64>,
    /// The host and port of the broker whose certificate ends first, and when, in seconds since 1970.
    pub server: Option<(String, i64)>,
    /// Why changed files aren't in force.
    pub trouble: Option<String>,
}

/// How long before its end a certificate should be renewed, in seconds: 30 days.
const RENEW_BEFORE: i64 = 30 * 24 * 60 * 60;

impl CertificateEnds {
    /// Returns when the certificates end, in seconds since 1970, by side: `client` or `server`.
    pub fn by_side(&self) -> impl Iterator<Item = (&'static str, i64)> + use<> {
        let client = self.client.map(|ends_at| ("client", ends_at));
        let server = self.server.as_ref().map(|it| ("server", it.1));
        client.into_iter().chain(server)
    }

    /// Returns what an operator should do by `now`, in seconds since 1970: what, and how.
    pub fn advice(&self, cluster: &ClusterName, now: i64) -> Vec<(String, String)> {
        let is_due = |ends_at: i64| ends_at < now.saturating_add(RENEW_BEFORE);
        let ends = |ends_at: i64| {
            let verb = if ends_at < now { "ended" } else { "ends" };
            format!("{verb} at {}", time(ends_at))
        };
        let client = self.client.filter(|it| is_due(*it)).map(|ends_at| {
            (
                format!(
                    "farshore's certificate for cluster {cluster} {}",
                    ends(ends_at)
                ),
                format!("renew cert_file and key_file of [clusters.{cluster}.tls]"),
            )
        });
        let server = self.server.as_ref().filter(|(_, it)| is_due(*it));
        let server = server.map(|(broker, ends_at)| {
            (
                format!(
                    "the certificate of {broker} in cluster {cluster} {}",
                    ends(*ends_at)
                ),
                "renew it on the broker".to_owned(),
            )
        });
        let trouble = self.trouble.as_ref().map(|why| {
            (
                format!("changed TLS files of cluster {cluster} can't be used, the former ones stay in force ({why})"),
                format!("correct the files of [clusters.{cluster}.tls]"),
            )
        });
        client.into_iter().chain(server).chain(trouble).collect()
    }
}

/// Returns the time `seconds` after 1970 as it is shown.
pub fn time(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests;
