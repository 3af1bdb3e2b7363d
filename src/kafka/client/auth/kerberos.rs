//! GSSAPI (RFC 4752): Kerberos tickets, through the system's library.
//!
//! Obtaining tickets is the library's job, configured as for any other program: a credential cache (`KRB5CCNAME`),
//! which something else renews, or a client keytab (`KRB5_CLIENT_KTNAME`), from which the library renews tickets
//! itself. No security layer is negotiated: Kafka's protocol doesn't support one.

#[cfg(not(feature = "gssapi"))]
use std::future::ready;

use futures_util::future::BoxFuture;

#[cfg(feature = "gssapi")]
use super::in_thread;
use super::{Credentials, Exchange, LoginError, Mechanism};

/// Login with a Kerberos ticket. Requires the feature `gssapi` and with it the system's Kerberos library.
#[derive(Debug, Clone)]
pub struct Kerberos {
    service: String,
    principal: Option<String>,
}

impl Kerberos {
    /// Creates a login to brokers whose principals begin with `service`, as `principal` or, if that is `None`, as the
    /// principal of the default credentials.
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
        // Brokers drop host and realm by default (`sasl.kerberos.principal.to.local.rules`).
        self.principal.as_deref()?.split(['/', '@']).next()
    }

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::Ticket {
            service: self.service.clone(),
        })
    }

    #[cfg(feature = "gssapi")]
    fn begin<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        let broker = format!("{}@{host}", self.service);
        let principal = self.principal.clone();
        Box::pin(in_thread("a ticket", move || {
            super::tickets::exchange(&broker, principal.as_deref())
        }))
    }

    #[cfg(not(feature = "gssapi"))]
    fn begin<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        let Self { service, principal } = self;
        let who = principal.as_deref().unwrap_or("anybody");
        let why = format!("built without Kerberos: no ticket of {who} for {service}@{host}");
        Box::pin(ready(Err(LoginError::credentials(why))))
    }
}
