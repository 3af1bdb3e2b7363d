//! Requests to the responsible broker, retried until the answer is final.
//!
//! Promises: the `error_codes` table alone decides what is retried; attempts are separated by a growing, jittered
//! pause, and what the error puts in doubt (metadata, a coordinator) is looked up again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{BrokerCode, Error, Result};
use crate::model::{BrokerId, GroupId, TopicPartition};
use crate::task::{Backoff, Ownership};

use super::error_codes::{Retry, retry_of_error};
use super::{Cluster, Connection, Request, Slot};

/// Which broker is responsible for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Any,
    Broker(BrokerId),
    Leader(TopicPartition),
    Controller,
    Coordinator(GroupId),
}

const PAUSE_BASE: Duration = Duration::from_millis(100);
const PAUSE_CAP: Duration = Duration::from_secs(2);
/// A new topic may be unknown for a moment; after this many attempts it is taken not to exist.
const LOOKS_FOR_A_TOPIC: u32 = 4;

impl Cluster {
    /// Sends a request to the responsible broker and returns the response, whatever it says.
    ///
    /// A lost connection or an overdue response is retried up to the retry limit, so the request may be carried out more
    /// than once. Error codes inside the response are left to the caller. Cancellation: the request may still
    /// be carried out.
    pub async fn call<R: Request + Clone>(
        &self,
        route: Recipient,
        request: R,
    ) -> Result<R::Response> {
        let timeout = self.settings().request_timeout;
        self.ask(route, |connection| {
            let request = request.clone();
            async move { connection.call(request, timeout).await }
        })
        .await
    }

    /// Runs `attempt` on a connection to the responsible broker, and repeats it while it fails with a retriable error.
    ///
    /// Errors: as for [`Cluster::retry`].
    pub(crate) async fn ask<T, F, A>(&self, route: Recipient, attempt: F) -> Result<T>
    where
        F: Fn(Connection) -> A,
        A: Future<Output = Result<T>>,
    {
        self.ask_on(Slot::Control, route, attempt).await
    }

    /// Like [`Cluster::ask`], for requests written under `right`, on a connection of its own.
    pub(crate) async fn ask_under<T, F, A>(
        &self,
        right: &Ownership,
        route: Recipient,
        attempt: F,
    ) -> Result<T>
    where
        F: Fn(Connection) -> A,
        A: Future<Output = Result<T>>,
    {
        let writer = right.number();
        self.ask_on(Slot::Changes { writer }, route, attempt).await
    }

    async fn ask_on<T, F, A>(&self, slot: Slot, route: Recipient, attempt: F) -> Result<T>
    where
        F: Fn(Connection) -> A,
        A: Future<Output = Result<T>>,
    {
        let coordinated = match &route {
            Recipient::Coordinator(group) => Some(group),
            Recipient::Any
            | Recipient::Broker(_)
            | Recipient::Leader(_)
            | Recipient::Controller => None,
        };
        let (attempt, route) = (&attempt, &route);
        self.retry(coordinated, || async move {
            attempt(self.responsible(route, slot).await?).await
        })
        .await
    }

    /// Runs `attempt` and repeats it while it fails with a retriable error; `coordinated` is the group whose
    /// coordinator it asks.
    ///
    /// Errors: the last attempt's. A new attempt begins within the cluster's retry limit after the first.
    pub(crate) async fn retry<T, F, A>(
        &self,
        coordinated: Option<&GroupId>,
        attempt: F,
    ) -> Result<T>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T>>,
    {
        let give_up = Instant::now() + self.settings().retry_limit;
        let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
        let mut looks = 0;
        loop {
            let seen = self.metadata().generation;
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.cluster(self.name()),
            };
            looks += u32::from(is_unknown_topic(&error));
            let retry = retry_of_error(&error);
            let pause = backoff.next();
            let too_late = Instant::now() + pause > give_up;
            if retry == Retry::None || looks >= LOOKS_FOR_A_TOPIC || too_late {
                return Err(error);
            }
            sleep(pause).await;
            self.look_again(coordinated, retry, seen).await;
        }
    }

    async fn responsible(&self, route: &Recipient, slot: Slot) -> Result<Connection> {
        match route {
            Recipient::Any => self.any_connection_for(slot).await,
            Recipient::Broker(broker) => self.connection(*broker, slot).await,
            Recipient::Leader(partition) => {
                let leader = self.leader(partition).await?;
                self.connection(leader.broker, slot).await
            }
            Recipient::Controller => self.controller(slot).await,
            Recipient::Coordinator(group) => self.coordinator(group, slot).await,
        }
    }

    async fn look_again(&self, coordinated: Option<&GroupId>, retry: Retry, seen: u64) {
        if let (Some(group), Retry::FindCoordinator | Retry::RefreshMetadata) = (coordinated, retry)
        {
            self.forget_coordinator(group);
        }
        if retry == Retry::RefreshMetadata {
            // If this fails, so does the next attempt, whose error then gives the reason.
            let _ = self.refresh(seen).await;
        }
    }
}

fn is_unknown_topic(error: &Error) -> bool {
    matches!(error.code(), Some(BrokerCode(3 | 100)))
}

#[cfg(test)]
mod tests;
