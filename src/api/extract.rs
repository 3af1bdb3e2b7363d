//! Extractors for handlers. Input that can't be parsed becomes a [`Problem`] that names the place.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(refused) if refused.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Err(Problem::NotJson)
            }
            Err(refused) => Err(Problem::Malformed(refused.body_text())),
        }
    }
}

/// A JSON body, or no body if every field has a default.
#[derive(Debug)]
pub(super) struct BodyOrNothing<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for BodyOrNothing<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = axum::body::Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|refused| Problem::Malformed(refused.body_text()))?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let read = Json::from_bytes(&bytes);
        let Json(body) = read.map_err(|refused| Problem::Malformed(refused.body_text()))?;
        Ok(Self(body))
    }
}

/// No body, or an empty JSON object.
#[derive(Debug)]
pub(super) struct Nothing;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyObject {}

impl<S: Send + Sync> FromRequest<S> for Nothing {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let BodyOrNothing(EmptyObject {}) = BodyOrNothing::from_request(request, state).await?;
        Ok(Self)
    }
}

/// The variable segments of the path, decoded.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::from_request_parts(parts, state).await;
        let Path(segments) = read.map_err(|refused| Problem::Malformed(refused.body_text()))?;
        Ok(Self(segments))
    }
}

/// The query parameters.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(asked) = read.map_err(|refused| Problem::Malformed(refused.body_text()))?;
        Ok(Self(asked))
    }
}

/// The client's address, attached to the request by the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get().copied();
        Ok(known.unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
