//! Resolves farshore's login at a cluster's brokers.
//!
//! Promises: keys of other mechanisms are refused, so that nothing is silently ignored; a secret is read once to find out
//! whether it can be, and again for each login.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::login::LoginConfig;
use super::super::problem::{Problems, Span};
use super::super::unknown::unknown_value;
use super::super::values::{As, Line, Notation};
use crate::files::{self, SecretSource};
use crate::kafka::client::{
    ClientCredentials, CommandLine, ScramHash, TlsSettings, TokenSource, TokenUrl, check_extensions,
};

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
    token_url: Option<Spanned<As<TokenUrl>>>,
    client_id: Option<Spanned<As<Line>>>,
    client_secret: Option<Spanned<String>>,
    client_secret_file: Option<Spanned<String>>,
    header_urlencode: Option<Spanned<bool>>,
    scope: Option<Spanned<As<Line>>>,
    audience: Option<Spanned<As<Line>>>,
    ca_file: Option<Spanned<String>>,
    token_file: Option<Spanned<String>>,
    token_command: Option<Spanned<Vec<String>>>,
    extensions: Option<Spanned<BTreeMap<String, String>>>,
}

/// The keys of each mechanism.
const MECHANISMS: [(&str, &[&str]); 5] = [
    ("PLAIN", PASSWORD),
    ("GSSAPI", &["service_name", "principal"]),
    ("SCRAM-SHA-256", PASSWORD),
    ("SCRAM-SHA-512", PASSWORD),
    ("OAUTHBEARER", TOKEN),
];
const TOKEN: &[&str] = &[
    "token_url",
    "client_id",
    "client_secret",
    "client_secret_file",
    "header_urlencode",
    "scope",
    "audience",
    "ca_file",
    "token_file",
    "token_command",
    "extensions",
];
/// The keys that belong to a token server.
const OF_URL: [&str; 7] = [
    "client_id",
    "client_secret",
    "client_secret_file",
    "header_urlencode",
    "scope",
    "audience",
    "ca_file",
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
            at("token_url", self.token_url.as_ref()),
            at("client_id", self.client_id.as_ref()),
            at("client_secret", self.client_secret.as_ref()),
            at("client_secret_file", self.client_secret_file.as_ref()),
            at("header_urlencode", self.header_urlencode.as_ref()),
            at("scope", self.scope.as_ref()),
            at("audience", self.audience.as_ref()),
            at("ca_file", self.ca_file.as_ref()),
            at("token_file", self.token_file.as_ref()),
            at("token_command", self.token_command.as_ref()),
            at("extensions", self.extensions.as_ref()),
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
        "OAUTHBEARER" => by_token(sasl, &place, problems),
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

fn by_token(mut sasl: Sasl, place: &Span, problems: &Problems<'_>) -> Option<LoginConfig> {
    let extensions = sasl.extensions.take().map(|given| {
        let checked = check_extensions(given.get_ref());
        problems.checked(&given.span(), checked);
        given.into_inner()
    });
    Some(LoginConfig::Token {
        source: token_source(sasl, place, problems)?,
        extensions: extensions.unwrap_or_default(),
    })
}

/// The only source of tokens.
fn token_source(sasl: Sasl, place: &Span, problems: &Problems<'_>) -> Option<TokenSource> {
    let given = sasl.given();
    let sources = ["token_url", "token_file", "token_command"];
    let mut sources = given.iter().filter(|(key, _)| sources.contains(key));
    let Some((source, _)) = sources.next() else {
        let message = "missing, as are token_file and token_command: one of them is needed";
        problems.missing(Some(place), "token_url", message);
        return None;
    };
    for (_, span) in sources {
        problems.add(
            span,
            format!("{source} is given, too: one source is enough"),
        );
    }
    if *source != "token_url" {
        for (key, span) in given.iter().filter(|(key, _)| OF_URL.contains(key)) {
            problems.add(span, format!("{key} is only for token_url"));
        }
    }
    if sasl.token_url.is_some() {
        return client_credentials(sasl, place, problems);
    }
    if let Some(file) = sasl.token_file {
        let source = of_file(&file, problems)?;
        return Some(TokenSource::File(source));
    }
    let command = sasl.token_command?;
    let place = command.span();
    let mut words = command.into_inner().into_iter();
    let program = words.next().filter(|program| !program.is_empty());
    let message =
        "has to be a program and its arguments, like [\"/usr/local/bin/token\", \"--kafka\"]";
    Some(TokenSource::Command(CommandLine {
        program: problems.checked(&place, program.ok_or_else(|| message.to_owned()))?,
        arguments: words.collect(),
    }))
}

fn client_credentials(sasl: Sasl, place: &Span, problems: &Problems<'_>) -> Option<TokenSource> {
    let url = sasl.token_url?;
    let readable = !url.get_ref().0.is_encrypted() && !url.get_ref().0.is_local();
    if readable {
        let message =
            "not encrypted: anyone on the way can read the client's secret and the tokens";
        problems.warn(&url.span(), message);
    }
    let client_id = problems.required(sasl.client_id, place, "client_id");
    let header_urlencode = sasl.header_urlencode.map(Spanned::into_inner);
    let header_urlencode = header_urlencode.unwrap_or(defaults::HEADER_URLENCODE);
    let has_colon = client_id.as_ref().filter(|it| it.get_ref().0.contains(':'));
    if let Some(id) = has_colon.filter(|_| !header_urlencode) {
        // RFC 7617: the server takes what follows the first one for the secret.
        let message = "a name with a colon can't be sent with header_urlencode = false";
        problems.add(&id.span(), message);
    }
    let keys = ("client_secret", "client_secret_file");
    let secret = secret(
        keys,
        sasl.client_secret,
        sasl.client_secret_file,
        place,
        problems,
    );
    let ca_file = sasl.ca_file.map(|file| {
        let path = PathBuf::from(file.get_ref());
        let trusted = TlsSettings {
            ca_file: Some(path.clone()),
            ..TlsSettings::default()
        };
        for problem in trusted.problems() {
            problems.add(&file.span(), problem.to_string());
        }
        path
    });
    let text = |given: Spanned<As<Line>>| given.into_inner().0;
    Some(TokenSource::Url(Box::new(ClientCredentials {
        url: url.into_inner().0,
        client_id: text(client_id?),
        client_secret: secret?,
        header_urlencode,
        scope: sasl.scope.map(text),
        audience: sasl.audience.map(text),
        ca_file,
    })))
}

/// The path of a file that holds a secret.
pub(super) fn of_file(file: &Spanned<String>, problems: &Problems<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(file.get_ref());
    let read = SecretSource::File(path.clone()).read();
    let read = read.map_err(|error| error.to_string());
    problems.checked(&file.span(), read).map(|_| path)
}

/// Parses the address of a token server.
impl Notation for TokenUrl {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        Self::read(&text).ok_or_else(|| {
            "expected a URL like \"https://login.example/oauth2/token\", without user and fragment"
                .to_owned()
        })
    }
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
        (None, Some(file)) => of_file(&file, problems).map(SecretSource::File),
        (Some(inline), None) => {
            let checked = files::checked(inline.get_ref()).map_err(str::to_owned);
            let checked = problems.checked(&inline.span(), checked);
            checked.map(SecretSource::Value)
        }
    }
}
