//! Resolves the security protocol of a cluster and farshore's login at its brokers.
//!
//! Promises: security settings that this version doesn't support are refused, never ignored or downgraded to plaintext.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::file;
use super::super::problem::{Problems, Span};
use super::super::settings::LoginConfig;
use super::super::unknown::unknown_value;
use super::super::values::{As, Line};
use crate::model::Secret;

/// The keys of the section for encryption, which this version doesn't support.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "named like the keys")]
pub(super) struct Tls {
    ca_file: String,
    cert_file: String,
    key_file: String,
}

/// The login at a cluster's brokers.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sasl {
    mechanism: Option<Spanned<String>>,
    username: Option<Spanned<As<Line>>>,
    password: Option<Spanned<String>>,
    password_file: Option<Spanned<String>>,
    service_name: Option<Spanned<As<Line>>>,
    principal: Option<Spanned<As<Line>>>,
}

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"];
const MECHANISMS: [&str; 5] = [
    "PLAIN",
    "GSSAPI",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "OAUTHBEARER",
];

/// Returns the login configured in a cluster's section; `None` without one, or if it is invalid, which is a problem.
pub(super) fn login(
    protocol: Option<Spanned<String>>,
    tls: Option<Spanned<Section<Tls>>>,
    sasl: Option<Spanned<Section<Sasl>>>,
    section: &Span,
    problems: &Problems<'_>,
) -> Option<LoginConfig> {
    let logs_in = match protocol {
        Some(protocol) => problems.checked(&protocol.span(), logs_in(protocol.get_ref()))?,
        None => false,
    };
    if let Some(tls) = tls {
        let message = "not available in this version: connections are not encrypted";
        problems.add(&tls.span(), message);
    }
    match (logs_in, sasl) {
        (true, Some(sasl)) => mechanism(sasl, problems),
        (true, None) => {
            problems.missing(
                Some(section),
                "sasl",
                "missing: SASL_PLAINTEXT requires a login",
            );
            None
        }
        (false, Some(sasl)) => {
            let message = "a login requires security_protocol = \"SASL_PLAINTEXT\"";
            problems.add(&sasl.span(), message);
            None
        }
        (false, None) => None,
    }
}

/// Whether a protocol requires a login.
fn logs_in(protocol: &str) -> Result<bool, String> {
    match protocol {
        "PLAINTEXT" => Ok(false),
        "SASL_PLAINTEXT" => Ok(true),
        known if PROTOCOLS.contains(&known) => Err(format!(
            "{known} is not available in this version; PLAINTEXT and SASL_PLAINTEXT are"
        )),
        other => Err(unknown_value(other, &PROTOCOLS)),
    }
}

/// Reads the keys of a mechanism.
fn mechanism(sasl: Spanned<Section<Sasl>>, problems: &Problems<'_>) -> Option<LoginConfig> {
    let place = sasl.span();
    let Section(sasl) = sasl.into_inner();
    let named = problems.required(sasl.mechanism, &place, "mechanism")?;
    match named.get_ref().as_str() {
        "PLAIN" => {
            let foreign = [
                ("service_name", sasl.service_name.map(|given| given.span())),
                ("principal", sasl.principal.map(|given| given.span())),
            ];
            refuse(foreign, "PLAIN", problems);
            let username = problems.required(sasl.username, &place, "username");
            let password = password(sasl.password, sasl.password_file, &place, problems);
            Some(LoginConfig::Password {
                username: username?.into_inner().0,
                password: password?,
            })
        }
        "GSSAPI" => {
            let foreign = [
                ("username", sasl.username.map(|given| given.span())),
                ("password", sasl.password.map(|given| given.span())),
                (
                    "password_file",
                    sasl.password_file.map(|given| given.span()),
                ),
            ];
            refuse(foreign, "GSSAPI", problems);
            if cfg!(not(feature = "gssapi")) {
                let message = "this farshore was built without Kerberos: build it with \
                               --features gssapi";
                problems.add(&named.span(), message);
            }
            let text = |given: Spanned<As<Line>>| given.into_inner().0;
            Some(LoginConfig::Kerberos {
                service: sasl
                    .service_name
                    .map_or_else(|| defaults::KERBEROS_SERVICE.to_owned(), text),
                principal: sasl.principal.map(text),
            })
        }
        other => {
            let message = if MECHANISMS.contains(&other) {
                format!("{other} is not available in this version; PLAIN and GSSAPI are")
            } else {
                unknown_value(other, &MECHANISMS)
            };
            problems.add(&named.span(), message);
            None
        }
    }
}

/// Reports keys that a mechanism doesn't use.
fn refuse<const N: usize>(
    keys: [(&str, Option<Span>); N],
    mechanism: &str,
    problems: &Problems<'_>,
) {
    for (key, given) in keys {
        if let Some(span) = given {
            problems.add(&span, format!("{mechanism} has no {key}"));
        }
    }
}

/// The password, inline or from its own file.
fn password(
    password: Option<Spanned<String>>,
    file: Option<Spanned<String>>,
    section: &Span,
    problems: &Problems<'_>,
) -> Option<Secret> {
    match (password, file) {
        (Some(_), Some(file)) => {
            problems.add(
                &file.span(),
                "password is given, too: one of them is enough",
            );
            None
        }
        (None, None) => {
            let message = "missing, as is password_file: one of them is needed";
            problems.missing(Some(section), "password", message);
            None
        }
        (None, Some(file)) => {
            let path = file.get_ref();
            let password = file::secret(Path::new(path))
                .map_err(|cause| format!("{path} can't be read: {cause}"));
            problems.checked(&file.span(), password)
        }
        (Some(password), None) => {
            let checked = file::checked(password.get_ref()).map_err(str::to_owned);
            problems.checked(&password.span(), checked)
        }
    }
}
