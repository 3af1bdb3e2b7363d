//! Resolves the encryption of a cluster's connections.
//!
//! Promises: files that can't be used are refused with what is wrong with each of them.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::document::Section;
use super::super::problem::{Problems, Span};
use super::super::values::{As, Filled, HostName};
use super::security::Protocol;
use crate::kafka::client::{TlsFile, TlsIdentity, TlsSettings};

type File = Option<Spanned<As<Filled<PathBuf>>>>;

/// The keys of the section.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    ca_file: File,
    cert_file: File,
    key_file: File,
    key_password_file: File,
    server_name: Option<Spanned<As<HostName>>>,
}

/// Returns the settings for a cluster whose protocol encrypts; `None` for others, or if they are invalid, which is a
/// problem.
pub(super) fn settings(
    protocol: &Protocol,
    tls: Option<Spanned<Section<Tls>>>,
    problems: &Problems<'_>,
) -> Option<TlsSettings> {
    if let Some(encrypted) = protocol.encrypted()
        && let Some(tls) = &tls
    {
        let message = format!("encryption requires security_protocol = \"{encrypted}\"");
        problems.add(&tls.span(), message);
        return None;
    }
    if protocol.encrypted().is_some() {
        return None;
    }
    let Section(keys) = tls.map(Spanned::into_inner).unwrap_or_default();
    let place = |key: &File| key.as_ref().map(Spanned::span);
    let places = |file| match file {
        TlsFile::Authorities => place(&keys.ca_file),
        TlsFile::Certificate => place(&keys.cert_file),
        TlsFile::Key => place(&keys.key_file),
        TlsFile::KeyPassword => place(&keys.key_password_file),
    };
    let settings = TlsSettings {
        ca_file: path(&keys.ca_file),
        identity: identity(&keys, problems)?,
        server_name: keys
            .server_name
            .as_ref()
            .map(|name| name.get_ref().0.clone()),
    };
    for problem in settings.problems() {
        let at = places(problem.file).unwrap_or_else(|| protocol.place.clone());
        problems.add(&at, problem.to_string());
    }
    Some(settings)
}

fn path(key: &File) -> Option<PathBuf> {
    key.as_ref().map(|path| path.get_ref().0.clone())
}

/// The client's certificate and key, which go together. `None` if one is missing, which is a problem.
#[expect(clippy::option_option, reason = "an absence may be right or wrong")]
fn identity(keys: &Tls, problems: &Problems<'_>) -> Option<Option<TlsIdentity>> {
    let needs = |at: Span, other: &str| {
        problems.add(&at, format!("requires {other} as well"));
        None
    };
    match (&keys.cert_file, &keys.key_file, &keys.key_password_file) {
        (Some(cert_file), Some(key_file), password) => Some(Some(TlsIdentity {
            cert_file: cert_file.get_ref().0.clone(),
            key_file: key_file.get_ref().0.clone(),
            key_password_file: path(password),
        })),
        (Some(cert_file), None, _) => needs(cert_file.span(), "key_file"),
        (None, Some(key_file), _) => needs(key_file.span(), "cert_file"),
        (None, None, Some(password)) => needs(password.span(), "cert_file and key_file"),
        (None, None, None) => Some(None),
    }
}
