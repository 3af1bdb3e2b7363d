//! Resolves how a cluster's brokers are reached: the map of their addresses, and the proxy in between.

use std::collections::BTreeMap;

use toml::Spanned;

use super::super::address_overlap::{self, Flaw};
use super::super::problem::{Problems, Span};
use super::super::values::{As, Line};
use super::sasl;
use crate::files::SecretSource;
use crate::kafka::client::{
    AddressMap, BadEntry, HostPort, NameTold, SOCKS_LOGIN_MAX, SocksLogin, SocksProxy,
};

/// Reads the map of addresses; what is ambiguous in it, as far as that can be decided, is a problem.
pub(super) fn address_map(
    entries: &BTreeMap<Spanned<String>, Spanned<String>>,
    told: NameTold,
    problems: &Problems<'_>,
) -> AddressMap {
    let mut map = AddressMap::default().telling(told);
    let mut read = BTreeMap::new();
    let mut in_order: Vec<_> = entries.iter().collect();
    in_order.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in in_order {
        match map.add(key.get_ref(), value.get_ref()) {
            Ok(()) => {
                read.insert(canonical(key.get_ref()), (key.span(), value.span()));
            }
            Err(BadEntry::Key(why)) => problems.add(&key.span(), why),
            Err(BadEntry::Value(why)) => problems.add(&value.span(), why),
        }
    }
    for (key, why) in map.indistinct() {
        if let Some((_, value)) = read.get(&canonical(&key)) {
            problems.add(value, why);
        }
    }
    for (key, found) in address_overlap::find(&map) {
        let Some((place, _)) = read.get(&canonical(&key)) else {
            continue;
        };
        match found {
            Flaw::Address { other, example } => problems.add(
                place,
                format!(
                    "{other:?} matches {example}, too: narrow one of them, or give such addresses keys of their own"
                ),
            ),
            Flaw::Nothing => problems.add(
                place,
                "it matches no address: it is compared with the whole of what a broker advertises, host:port",
            ),
            Flaw::Undecided { other } => problems.warn(
                place,
                format!(
                    "whether {other:?} matches the same addresses is too much to find out: if one is matched by both, its broker isn't connected to"
                ),
            ),
        }
    }
    map
}

/// The key as it is compared.
fn canonical(key: &str) -> String {
    if key.starts_with(['/', '*']) {
        return key.to_owned();
    }
    let address = key.parse::<HostPort>();
    address.map_or_else(|_| key.to_owned(), |it| it.canonical().to_string())
}

/// Reads the proxy and the login there.
pub(super) fn proxy(
    url: Option<Spanned<String>>,
    (username, password_file): (Option<Spanned<As<Line>>>, Option<Spanned<String>>),
    problems: &Problems<'_>,
) -> Option<SocksProxy> {
    let Some(url) = url else {
        let spans = [
            username.map(|it| it.span()),
            password_file.map(|it| it.span()),
        ];
        for span in spans.iter().flatten() {
            problems.add(span, "it is only for a proxy: set proxy as well");
        }
        return None;
    };
    let address = problems.checked(&url.span(), socks_url(url.get_ref()))?;
    let needs = |at: Span, other: &str| {
        problems.add(&at, format!("requires {other} as well"));
        None
    };
    let login = match (username, password_file) {
        (None, None) => None,
        (Some(username), None) => needs(username.span(), "proxy_password_file")?,
        (None, Some(file)) => needs(file.span(), "proxy_username")?,
        (Some(username), Some(file)) => Some(login(username, &file, problems)?),
    };
    Some(SocksProxy { address, login })
}

fn login(
    username: Spanned<As<Line>>,
    file: &Spanned<String>,
    problems: &Problems<'_>,
) -> Option<SocksLogin> {
    let path = sasl::of_file(file, problems)?;
    let password = SecretSource::File(path);
    let length = password.read().map_or(0, |it| it.reveal().len());
    if length > SOCKS_LOGIN_MAX {
        let text = format!("a proxy's password has at most {SOCKS_LOGIN_MAX} bytes");
        problems.add(&file.span(), text);
    }
    Some(SocksLogin {
        username: username.into_inner().0,
        password,
    })
}

/// Reads the address of a proxy. The text isn't repeated: it may have a password in it.
fn socks_url(text: &str) -> Result<HostPort, String> {
    let rest = text
        .strip_prefix("socks5://")
        .or_else(|| text.strip_prefix("socks5h://"));
    let Some(rest) = rest else {
        return Err("expected a URL like \"socks5://proxy.example:1080\"".to_owned());
    };
    if rest.contains('@') {
        let text = "the user name is written in proxy_username, and the password in the file that proxy_password_file names";
        return Err(text.to_owned());
    }
    let address = rest.strip_suffix('/').unwrap_or(rest).parse();
    address.map_err(|_| {
        "expected a host and a port, like \"socks5://proxy.example:1080\" or \"socks5://[::1]:1080\""
            .to_owned()
    })
}
