//! Which service is asked, and with which token.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{Client, Common, ExitCode, Failure};
use crate::api::ApiToken;
use crate::config::{self, ApiConfig};
use crate::model::Secret;

/// The environment variable with the token.
pub(super) const TOKEN_VARIABLE: &str = "FARSHORE_TOKEN";

impl Common {
    /// The client of the running service: at `--url`, or at the address in the configuration. The token comes from
    /// `--token-file`, from the `environment` or from the configuration.
    pub(super) fn service(&self, environment: Option<String>) -> Result<Client, Failure> {
        let given = match (&self.token_file, environment) {
            (Some(path), _) => Some(read(path)?),
            (None, Some(text)) if !text.is_empty() => Some(parsed(text)?),
            _ => None,
        };
        if let (Some(url), Some(token)) = (&self.url, &given) {
            return Ok(Client::new(url, Some(token)));
        }
        let api = match (config::load(&self.config), &self.url) {
            (Ok(config), _) => config.api,
            (Err(_), Some(url)) => return Ok(Client::new(url, None)),
            (Err(errors), None) => return Err(errors.into()),
        };
        let own = format!("http://{}", reachable(api.listen));
        let token = match given {
            Some(token) => Some(token),
            // It isn't shown to a service that may be another one.
            None if self
                .url
                .as_ref()
                .is_some_and(|url| !is_own(url, &own, &api)) =>
            {
                None
            }
            None => configured(&api.token_file)?,
        };
        Ok(Client::new(
            self.url.as_ref().unwrap_or(&own),
            token.as_ref(),
        ))
    }
}

/// Whether a URL is that of the configured service.
fn is_own(url: &str, own: &str, api: &ApiConfig) -> bool {
    let url = url.trim_end_matches('/');
    url == own || url == api.advertised_url
}

/// The token in the configured file; `None` if the service hasn't created it.
fn configured(path: &Path) -> Result<Option<ApiToken>, Failure> {
    if path.exists() {
        read(path).map(Some)
    } else {
        Ok(None)
    }
}

fn read(path: &Path) -> Result<ApiToken, Failure> {
    ApiToken::read(path).map_err(|cause| {
        let who = match cause.kind() {
            io::ErrorKind::PermissionDenied => "; run it as the service's user, or give a token",
            _ => "; give a token",
        };
        let message = format!(
            "the token in {} can't be used: {cause}{who} with --token-file or FARSHORE_TOKEN",
            path.display()
        );
        Failure::new(ExitCode::Usage, message)
    })
}

fn parsed(text: String) -> Result<ApiToken, Failure> {
    let unusable = |why| {
        Failure::new(
            ExitCode::Usage,
            format!("{TOKEN_VARIABLE} can't be used: {why}"),
        )
    };
    ApiToken::new(Secret::new(text)).map_err(unusable)
}

/// The address to connect to for a listen address: an unspecified address is replaced by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests;
