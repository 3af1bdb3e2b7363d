//! Resolves the security protocol of a cluster and farshore's login at its brokers.
//!
//! Promises: security settings that this version doesn't support are refused, never ignored or downgraded to plaintext.
//! Doesn't: read the keys of encryption; see `tls`.

use toml::Spanned;

use super::super::document::Section;
use super::super::login::LoginConfig;
use super::super::problem::{Problems, Span};
use super::super::unknown::unknown_value;
use super::sasl::{self, Sasl};

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"];

/// A security protocol.
pub(super) struct Protocol {
    name: &'static str,
    /// Its place in the file, or that of the section if it isn't there.
    pub(super) place: Span,
}

impl Protocol {
    /// Reads the protocol, by default the one without encryption and login; `None` if it is unknown, which is a problem.
    pub(super) fn read(
        given: Option<&Spanned<String>>,
        section: &Span,
        problems: &Problems<'_>,
    ) -> Option<Self> {
        let (name, place) = match given {
            Some(given) => {
                let known = PROTOCOLS.into_iter().find(|known| known == given.get_ref());
                let known = known.ok_or_else(|| unknown_value(given.get_ref(), &PROTOCOLS));
                (problems.checked(&given.span(), known)?, given.span())
            }
            None => (PROTOCOLS[0], section.clone()),
        };
        Some(Self { name, place })
    }

    /// The protocol that differs only in that it encrypts; `None` if this one does.
    pub(super) fn encrypted(&self) -> Option<&'static str> {
        match self.name {
            "PLAINTEXT" => Some("SSL"),
            "SASL_PLAINTEXT" => Some("SASL_SSL"),
            _ => None,
        }
    }

    /// The protocol that differs only in that it requires a login; `None` if this one does.
    fn with_login(&self) -> Option<&'static str> {
        match self.name {
            "PLAINTEXT" => Some("SASL_PLAINTEXT"),
            "SSL" => Some("SASL_SSL"),
            _ => None,
        }
    }
}

/// Returns the login configured in a cluster's section; `None` without one, or if it is invalid, which is a problem.
pub(super) fn login(
    protocol: &Protocol,
    sasl: Option<Spanned<Section<Sasl>>>,
    section: &Span,
    problems: &Problems<'_>,
) -> Option<LoginConfig> {
    match (protocol.with_login(), sasl) {
        (None, Some(sasl)) => sasl::login(sasl, problems),
        (None, None) => {
            let message = format!("missing: {} requires a login", protocol.name);
            problems.missing(Some(section), "sasl", &message);
            None
        }
        (Some(needed), Some(sasl)) => {
            let message = format!("a login requires security_protocol = \"{needed}\"");
            problems.add(&sasl.span(), message);
            None
        }
        (Some(_), None) => None,
    }
}
