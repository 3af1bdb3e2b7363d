//! Sending requests on a connection.

use std::time::Duration;

use kafka_protocol::messages::{ApiKey, ProduceRequest, ProduceResponse};

use crate::error::{Kind, Result};
use crate::kafka::client::encode::{DecodeResponse, EncodedRequest, answer_to};
use crate::kafka::client::produce::ProduceBatches;
use crate::kafka::client::request::Request;
use crate::kafka::client::response::{PendingResponse, RequestContext};
use crate::kafka::client::stream::{NotTaken, PIPELINE_LIMIT};
use crate::task::Ownership;

use super::Connection;

impl Connection {
    /// Sends a request at once, in call order; the returned [`PendingResponse`] resolves to the response.
    ///
    /// `timeout` is how long the response may take from now; an overdue response closes the connection, at most half a
    /// second late. Errors: `Disconnected` if the connection is closed, `Refused` if too many requests are already in
    /// flight, `Protocol` if the broker doesn't support the request.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is used up by sending it"
    )]
    pub fn start<R: Request>(
        &self,
        request: R,
        timeout: Duration,
    ) -> Result<PendingResponse<R::Response>> {
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        self.start_in(&request, version, timeout)
    }

    /// Sends a request as soon as there is room for it, and waits for its response.
    ///
    /// `timeout` runs from the moment it is sent. Errors: as for [`Connection::start`], and those of [`PendingResponse`].
    /// Cancellation: the request may still be carried out.
    pub async fn call<R: Request>(&self, request: R, timeout: Duration) -> Result<R::Response> {
        let _room = self.0.room_for_calls.acquire().await;
        self.start(request, timeout)?.await
    }

    /// Like [`Connection::call`], with the response decoded by `read`.
    pub(crate) async fn call_reading<R: Request, T>(
        &self,
        request: R,
        timeout: Duration,
        read: DecodeResponse<T>,
    ) -> Result<T> {
        let _room = self.0.room_for_calls.acquire().await;
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        let message = EncodedRequest::of(&request, version, &self.0.client_id);
        self.send(message, (R::KEY, version), timeout, read)?.await
    }

    /// Like [`Connection::call`], but written only while `right` is held. Errors: `Refused` if it isn't held now.
    pub async fn call_under<R: Request>(
        &self,
        right: &Ownership,
        request: R,
        timeout: Duration,
    ) -> Result<R::Response> {
        let _room = self.0.room_for_calls.acquire().await;
        right.check()?;
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        let message = EncodedRequest::of(&request, version, &self.0.client_id);
        let message = message.map(|message| message.under(right));
        let pending = self.send(message, (R::KEY, version), timeout, answer_to::<R>)?;
        pending.await
    }

    /// Like [`Connection::start`], in a version chosen by the caller, and with the response decoded by `read`.
    pub(crate) fn start_version<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
        read: DecodeResponse<R::Response>,
    ) -> Result<PendingResponse<R::Response>> {
        let message = EncodedRequest::of(request, version, &self.0.client_id);
        self.send(message, (R::KEY, version), timeout, read)
    }

    /// Like [`Connection::start`], in a version chosen by the caller.
    pub(crate) fn start_in<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<PendingResponse<R::Response>> {
        self.start_version(request, version, timeout, answer_to::<R>)
    }

    /// Sends batches without copying their bodies; otherwise like [`Connection::start`].
    ///
    /// Also returns `Refused` for `acks` 0: such requests have no response. If `right` is given, the batches are
    /// written only while it is held; if it is lost before then, the connection is closed.
    pub fn start_produce(
        &self,
        batches: ProduceBatches,
        timeout: Duration,
        right: Option<&Ownership>,
    ) -> Result<PendingResponse<ProduceResponse>> {
        if batches.acks == 0 {
            return Err(self.error(Kind::Refused, "acks = 0 leaves no way to know what arrived"));
        }
        let highest = batches.highest_version();
        let version = self.choose(ApiKey::Produce, ProduceRequest::SPOKEN, highest)?;
        let message = batches.message(version, &self.0.client_id);
        let message = match right {
            Some(right) => {
                right.check()?;
                message.map(|message| message.under(right))
            }
            None => message,
        };
        let read = answer_to::<ProduceRequest>;
        self.send(message, (ApiKey::Produce, version), timeout, read)
    }

    fn send<T>(
        &self,
        message: anyhow::Result<EncodedRequest>,
        (key, version): (ApiKey, i16),
        timeout: Duration,
        read: DecodeResponse<T>,
    ) -> Result<PendingResponse<T>> {
        let message = message.map_err(|cause| {
            let text = format!("{key:?} cannot be encoded in version {version}");
            self.error(Kind::Protocol, &text).caused_by(cause)
        })?;
        let outcome = self.0.link.enqueue(message, timeout);
        let outcome = outcome.map_err(|refusal| match refusal {
            NotTaken::Ended(lost) => {
                let text = format!("{key:?} was not sent");
                self.error(lost.kind, &text).caused_by(lost.cause)
            }
            NotTaken::Full => {
                let text = format!("{PIPELINE_LIMIT} requests are already in flight");
                self.error(Kind::Refused, &text)
            }
        })?;
        let asked = RequestContext {
            connection: self.clone(),
            key,
            version,
            timeout,
        };
        Ok(PendingResponse {
            outcome,
            asked,
            read,
        })
    }
}
