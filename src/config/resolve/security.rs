//! How a cluster's brokers are reached, and how farshore logs in at them.
//!
//! Promises: whatever the file asks for and this version can't do is refused, rather than done in the clear or left out.

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::problem::{Problems, Span};
use super::super::settings::LoginConfig;
use super::super::unknown::unknown_value;
use super::super::values::{As, Filled};
use crate::model::Secret;

/// How connections are encrypted: not in this version.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    ca_file: String,
    cert_file: String,
    key_file: String,
}

/// How farshore proves who it is.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sasl {
    mechanism: Option<Spanned<String>>,
    username: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    password_file: Option<Spanned<String>>,
    service_name: Option<Spanned<As<Filled<String>>>>,
    principal: Option<Spanned<As<Filled<String>>>>,
}

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"];
const MECHANISMS: [&str; 5] = [
    "PLAIN",
    "GSSAPI",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "OAUTHBEARER",
];

/// The login that a cluster's section asks for. There is none without one, nor if it cannot be used, which is a problem.
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
            problems.missing(Some(section), "sasl", "missing: SASL_PLAINTEXT logs in");
            None
        }
        (false, Some(sasl)) => {
            let message = "nobody is logged in without security_protocol = \"SASL_PLAINTEXT\"";
            problems.add(&sasl.span(), message);
            None
        }
        (false, None) => None,
    }
}

/// Whether a protocol logs in.
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

/// Which keys a mechanism has, besides `mechanism` itself.
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
                username: username?.into_inner(),
                password: password?,
            })
        }
        "GSSAPI" => {
            let foreign = [
                ("username", sasl.username),
                ("password", sasl.password),
                ("password_file", sasl.password_file),
            ];
            let foreign = foreign.map(|(key, given)| (key, given.map(|given| given.span())));
            refuse(foreign, "GSSAPI", problems);
            if cfg!(not(feature = "gssapi")) {
                let message = "this farshore was built without Kerberos: build it with \
                               --features gssapi";
                problems.add(&named.span(), message);
            }
            let text = |given: Spanned<As<Filled<String>>>| given.into_inner().0;
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

/// Refuses keys that a mechanism has no use for.
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

/// The password, from the file itself or from one of its own.
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
            let text = std::fs::read_to_string(path)
                .map_err(|cause| format!("{path} can't be read: {cause}"));
            let text = problems.checked(&file.span(), text)?;
            Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
        (Some(password), None) => Some(Secret::new(password.into_inner())),
    }
}
