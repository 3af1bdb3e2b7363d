//! The security settings of a cluster, translated for librdkafka: the only place that knows its words for them.
//!
//! Promises: certificates and the names in them are always checked; what librdkafka has no words for is refused by the
//! configuration (`config::conflict`).

use crate::error::{Error, Kind, Result};
use crate::files;
use crate::kafka::client::{ClusterSettings, Credentials, Login, TlsSettings};
use crate::model::Secret;

/// How to reach a cluster's brokers securely, with the secrets as they are now.
pub(super) struct Security<'a> {
    tls: Option<(&'a TlsSettings, Option<Secret>)>,
    login: Option<(&'static str, Credentials)>,
}

impl<'a> Security<'a> {
    /// Reads the secrets. May block.
    ///
    /// Errors: one can't be read.
    pub(super) fn read(cluster: &'a ClusterSettings) -> Result<Self> {
        let login = cluster.login.as_ref().map(Login::credentials);
        let tls = cluster.tls.as_ref();
        let tls = tls.map(|tls| key_password(tls).map(|password| (tls, password)));
        Ok(Self {
            tls: tls.transpose()?,
            login: login.transpose()?,
        })
    }

    /// Whether tokens have to be supplied.
    pub(super) fn takes_tokens(&self) -> bool {
        matches!(self.login, Some((_, Credentials::Tokens)))
    }

    /// The properties for librdkafka. Pure.
    pub(super) fn properties(&self) -> Vec<(&'static str, String)> {
        let protocol = match (&self.tls, &self.login) {
            (None, None) => "PLAINTEXT",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), None) => "SSL",
            (Some(_), Some(_)) => "SASL_SSL",
        };
        let mut properties = vec![("security.protocol", protocol.to_owned())];
        if let Some((tls, password)) = &self.tls {
            encryption(tls, password.as_ref(), &mut properties);
        }
        if let Some((mechanism, credentials)) = &self.login {
            properties.push(("sasl.mechanism", (*mechanism).to_owned()));
            authentication(credentials, &mut properties);
        }
        properties
    }
}

fn key_password(tls: &TlsSettings) -> Result<Option<Secret>> {
    let file = tls
        .identity
        .as_ref()
        .and_then(|it| it.key_password_file.as_ref());
    let read = file.map(|path| {
        files::secret(path).map_err(|cause| {
            let what = format!("the key's password in {} can't be read", path.display());
            Error::new(Kind::Invalid, what).caused_by(cause)
        })
    });
    read.transpose()
}

fn encryption(
    tls: &TlsSettings,
    key_password: Option<&Secret>,
    properties: &mut Vec<(&'static str, String)>,
) {
    // Both are the defaults of librdkafka; not to be left to it.
    properties.push(("enable.ssl.certificate.verification", "true".to_owned()));
    properties.push(("ssl.endpoint.identification.algorithm", "https".to_owned()));
    // Without a file, OpenSSL trusts the authorities that this system trusts.
    if let Some(file) = &tls.ca_file {
        properties.push(("ssl.ca.location", file.display().to_string()));
    }
    if let Some(files) = &tls.identity {
        let certificate = files.cert_file.display().to_string();
        properties.push(("ssl.certificate.location", certificate));
        properties.push(("ssl.key.location", files.key_file.display().to_string()));
    }
    if let Some(password) = key_password {
        properties.push(("ssl.key.password", password.reveal().to_owned()));
    }
}

fn authentication(credentials: &Credentials, properties: &mut Vec<(&'static str, String)>) {
    match credentials {
        Credentials::NamePassword { username, password } => {
            properties.push(("sasl.username", username.clone()));
            properties.push(("sasl.password", password.reveal().to_owned()));
        }
        Credentials::Ticket { service } => {
            properties.push(("sasl.kerberos.service.name", service.clone()));
            // No kinit: the Kerberos library obtains the tickets for librdkafka, too.
            properties.push(("sasl.kerberos.min.time.before.relogin", "0".to_owned()));
        }
        // They come through a callback.
        Credentials::Tokens => {}
    }
}

#[cfg(test)]
mod tests;
