//! Resolves farshore's login at a cluster's brokers.
//!
//! Promises: keys of other mechanisms are refused, so that nothing is silently ignored; a secret is read once to find out
//! whether it can be, and again for each login.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::problem::{Problems, Span};
use super::super::settings::LoginConfig;
use super::super::unknown::unknown_value;
use super::super::values::{As, Line};
use crate::files::{self, SecretSource};
use crate::kafka::client::ScramHash;

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

/// The keys of each mechanism.
const MECHANISMS: [(&str, &[&str]); 4] = [
    ("PLAIN", PASSWORD),
    ("GSSAPI", &["service_name", "principal"]),
    ("SCRAM-SHA-256", PASSWORD),
    ("SCRAM-SHA-512", PASSWORD),
];
const PASSWORD: &[&str] = &["username", "password", "password_file"];

impl Sasl {
    /// The keys that are given, apart from the mechanism.
    fn given(&self) -> Vec<(&'static str, Span)> {
        fn at<T>(key: &'static str, value: Option<&Spanned<T>>) -> Option<(&'static str, Span)> {
            value.map(|value| (key, value.span()))
        }
        let given = [
            at("username", self.username.as_ref()),
            at("password", self.password.as_ref()),
            at("password_file", self.password_file.as_ref()),
            at("service_name", self.service_name.as_ref()),
            at("principal", self.principal.as_ref()),
        ];
        given.into_iter().flatten().collect()
    }
}

/// Reads the keys of a mechanism.
pub(super) fn login(sasl: Spanned<Section<Sasl>>, problems: &Problems<'_>) -> Option<LoginConfig> {
    let place = sasl.span();
    let Section(mut sasl) = sasl.into_inner();
    let named = problems.required(sasl.mechanism.take(), &place, "mechanism")?;
    let name = named.get_ref().as_str();
    let Some((_, own)) = MECHANISMS.iter().find(|(known, _)| *known == name) else {
        let known = MECHANISMS.map(|(known, _)| known);
        problems.add(&named.span(), unknown_value(name, &known));
        return None;
    };
    for (key, span) in sasl.given() {
        if !own.contains(&key) {
            problems.add(&span, format!("{name} has no {key}"));
        }
    }
    match name {
        "GSSAPI" => Some(kerberos(sasl, &named.span(), problems)),
        "SCRAM-SHA-256" => by_password(Some(ScramHash::Sha256), sasl, &place, problems),
        "SCRAM-SHA-512" => by_password(Some(ScramHash::Sha512), sasl, &place, problems),
        _ => by_password(None, sasl, &place, problems),
    }
}

fn kerberos(sasl: Sasl, named: &Span, problems: &Problems<'_>) -> LoginConfig {
    if cfg!(not(feature = "gssapi")) {
        let message = "this farshore was built without Kerberos: build it with --features gssapi";
        problems.add(named, message);
    }
    let text = |given: Spanned<As<Line>>| given.into_inner().0;
    let service = sasl.service_name.map(text);
    LoginConfig::Kerberos {
        service: service.unwrap_or_else(|| defaults::KERBEROS_SERVICE.to_owned()),
        principal: sasl.principal.map(text),
    }
}

fn by_password(
    scram: Option<ScramHash>,
    sasl: Sasl,
    place: &Span,
    problems: &Problems<'_>,
) -> Option<LoginConfig> {
    let username = problems.required(sasl.username, place, "username");
    let keys = ("password", "password_file");
    let password = secret(keys, sasl.password, sasl.password_file, place, problems);
    Some(LoginConfig::Password {
        scram,
        username: username?.into_inner().0,
        password: password?,
    })
}

/// A secret, inline or in its own file, by their keys.
fn secret(
    (key, file_key): (&str, &str),
    inline: Option<Spanned<String>>,
    file: Option<Spanned<String>>,
    section: &Span,
    problems: &Problems<'_>,
) -> Option<SecretSource> {
    match (inline, file) {
        (Some(_), Some(file)) => {
            let message = format!("{key} is given, too: one of them is enough");
            problems.add(&file.span(), message);
            None
        }
        (None, None) => {
            let message = format!("missing, as is {file_key}: one of them is needed");
            problems.missing(Some(section), key, &message);
            None
        }
        (None, Some(file)) => {
            let source = SecretSource::File(PathBuf::from(file.get_ref()));
            let read = source.read().map_err(|error| error.to_string());
            problems.checked(&file.span(), read).map(|_| source)
        }
        (Some(inline), None) => {
            let checked = files::checked(inline.get_ref()).map_err(str::to_owned);
            let checked = problems.checked(&inline.span(), checked);
            checked.map(SecretSource::Value)
        }
    }
}
