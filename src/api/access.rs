//! The decision on who may ask what: a pure function of a request and the configuration.
//!
//! Whatever a request needs follows from its method and address ([`Demand`]); what it may have, from its token. Roles can
//! be added between the two.

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};

use super::token::ApiToken;
use crate::config::{ApiConfig, OpenPart};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Demand {
    /// Whether the process lives: `/healthz`.
    Liveness,
    /// Whether the process can do its work: `/readyz`.
    Readiness,
    /// Whether its links can: `/readyz?scope=link`.
    LinkReadiness,
    Metrics,
    /// Anything else that changes nothing.
    Read,
    Change,
}

impl Demand {
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let reads = method.is_safe() || (method, uri.path()) == (&Method::POST, "/v1/translate");
        match (uri.path(), reads) {
            ("/healthz", _) => Self::Liveness,
            ("/readyz", _) if uri.query().is_none_or(str::is_empty) => Self::Readiness,
            ("/readyz", _) => Self::LinkReadiness,
            ("/metrics", _) => Self::Metrics,
            (_, true) => Self::Read,
            (_, false) => Self::Change,
        }
    }

    /// Whether no answer reveals anything that is worth protecting.
    pub(super) fn is_health(self) -> bool {
        matches!(self, Self::Liveness | Self::Readiness)
    }
}

/// The outcome for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// It is addressed to a name that isn't this machine's: perhaps a page made a browser on this machine send it.
    ForeignHost,
    /// A page of another site made a browser send it.
    ForeignOrigin,
    /// It has no token, or a wrong one.
    Unauthorized,
}

/// Who may ask what.
#[derive(Debug, Clone)]
pub struct Access {
    token: ApiToken,
    open: Vec<OpenPart>,
    /// In lower case.
    hosts: Vec<String>,
}

impl Access {
    /// Returns the rules of a configuration: the host of the advertised URL is one of its hosts.
    pub fn new(config: &ApiConfig, token: ApiToken) -> Self {
        let advertised: Option<Uri> = config.advertised_url.parse().ok();
        let advertised = advertised.as_ref().and_then(Uri::host);
        let hosts = config.hosts.iter().map(String::as_str).chain(advertised);
        Self {
            token,
            open: config.open.clone(),
            hosts: hosts.map(str::to_ascii_lowercase).collect(),
        }
    }

    /// Decides on a request.
    pub(super) fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Verdict {
        let demand = Demand::of(method, uri);
        if !method.is_safe() && !is_own(headers) {
            return Verdict::ForeignOrigin;
        }
        if demand.is_health() {
            return Verdict::Allowed;
        }
        if !self.is_addressed(uri, headers) {
            return Verdict::ForeignHost;
        }
        if self.is_open(demand) || self.has_token(headers) {
            Verdict::Allowed
        } else {
            Verdict::Unauthorized
        }
    }

    fn is_open(&self, demand: Demand) -> bool {
        let part = match demand {
            Demand::Liveness | Demand::Readiness => return true,
            Demand::Metrics => OpenPart::Metrics,
            Demand::LinkReadiness => OpenPart::Readiness,
            Demand::Read | Demand::Change => return false,
        };
        self.open.contains(&part)
    }

    /// Whether the request names this machine, in the `Host` header and wherever else it names one.
    fn is_addressed(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(HOST).iter().peekable();
        let of_header = named.peek().is_some()
            && named.all(|host| host.to_str().is_ok_and(|host| self.is_host(host)));
        let of_address = uri.authority().is_none_or(|it| self.is_host(it.as_str()));
        of_header && of_address
    }

    /// Whether a host, perhaps with a port, is an address, `localhost` or a configured name.
    fn is_host(&self, host: &str) -> bool {
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = without_port.strip_prefix('[');
        let address = bare.map_or(without_port, |it| it.strip_suffix(']').unwrap_or_default());
        let name = without_port.to_ascii_lowercase();
        address.parse::<std::net::IpAddr>().is_ok()
            || name == "localhost"
            || self.hosts.contains(&name)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return false;
        };
        let text = given.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && self.token.is(token)
    }
}

/// Whether the `Origin` header is absent, as in requests of programs, or matches the `Host` header.
fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok();
    let authority = origin.and_then(|origin| origin.split_once("://"));
    authority.is_some_and(|(_, authority)| Some(authority) == host)
}

#[cfg(test)]
mod tests;
