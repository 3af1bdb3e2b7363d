//! Resolves the security protocol of a cluster and farshore's login at its brokers.
//!
//! Promises: security settings that this version doesn't support are refused, never ignored or downgraded to plaintext.
//! Doesn't: read the keys of encryption; see `tls`.

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
        (None, Some(sasl)) => mechanism(sasl, problems),
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
