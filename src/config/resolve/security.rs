//! Resolves the security protocol of a cluster and farshore's login at its brokers.
//!
//! Promises: security settings that this version doesn't support are refused, never ignored or downgraded to plaintext.

use serde::Deserialize;
use toml::Spanned;

use super::super::document::Section;
use super::super::problem::{Problems, Span};
use super::super::settings::LoginConfig;
use super::super::unknown::unknown_value;
use super::sasl::{self, Sasl};

/// The keys of the section for encryption, which this version doesn't support.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "named like the keys")]
pub(super) struct Tls {
    ca_file: String,
    cert_file: String,
    key_file: String,
}

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"];
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
        (true, Some(sasl)) => sasl::login(sasl, problems),
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
