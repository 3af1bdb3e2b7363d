//! GSSAPI (RFC 4752): Kerberos tickets, through the system's library.
//!
//! Where tickets come from is the library's business, configured as for any other program: a credential cache
//! (`KRB5CCNAME`), which something else renews, or a client keytab (`KRB5_CLIENT_KTNAME`), from which the library renews
//! them itself. No security layer is agreed on: Kafka's protocol has no room for one.

use super::{Exchange, LoginError, Mechanism};

/// Logs in with a Kerberos ticket. Needs the feature `gssapi`, and the system's Kerberos library with it.
#[derive(Debug, Clone)]
pub struct Kerberos {
    service: String,
    principal: Option<String>,
}

impl Kerberos {
    /// For brokers whose principals begin with `service`, as `principal` or else whoever the default credentials name.
    pub fn new(service: impl Into<String>, principal: Option<String>) -> Self {
        Self {
            service: service.into(),
            principal,
        }
    }
}

impl Mechanism for Kerberos {
    fn name(&self) -> &'static str {
        "GSSAPI"
    }

    fn principal(&self) -> Option<&str> {
        // Brokers leave out host and realm (`sasl.kerberos.principal.to.local.rules`).
        self.principal.as_deref()?.split(['/', '@']).next()
    }

    fn librdkafka(&self) -> Vec<(&'static str, String)> {
        vec![
            ("sasl.kerberos.service.name", self.service.clone()),
            // No kinit: tickets are the library's business there, too.
            ("sasl.kerberos.min.time.before.relogin", "0".to_owned()),
        ]
    }

    #[cfg(feature = "gssapi")]
    fn begin(&self, host: &str) -> Result<Box<dyn Exchange>, LoginError> {
        let broker = format!("{}@{host}", self.service);
        super::tickets::exchange(&broker, self.principal.as_deref())
    }

    #[cfg(not(feature = "gssapi"))]
    fn begin(&self, host: &str) -> Result<Box<dyn Exchange>, LoginError> {
        let Self { service, principal } = self;
        let who = principal.as_deref().unwrap_or("anybody");
        Err(format!("built without Kerberos: no ticket of {who} for {service}@{host}").into())
    }
}
