//! Plans and operations in the checkpoint DB.

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::Plan;
use super::states::Phase;
use crate::checkpoint::records::{
    load_operation, load_plan, operations, plans, put_operation, put_plan,
};
use crate::checkpoint::{Space, Store, Update};
use crate::error::{Error, Kind, Result};

/// How long an expired plan that was never executed is kept for reading.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The execution of a plan. It carries the plan's name, so that a plan is executed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name, which is the plan's.
    pub id: String,
    /// What is executed.
    pub plan: Plan,
    /// Where it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it entered its phase.
    pub entered_at: Timestamp,
    /// What the current step last failed with, while it is repeated.
    pub retrying: Option<String>,
}

/// Reads a plan.
pub fn read_plan(store: &dyn Store, id: &str) -> Result<Option<Plan>> {
    load_plan(store, id)?.map(|plan| read(id, plan)).transpose()
}

/// Saves a plan, and removes those that nobody executed long ago.
pub async fn save_plan(store: &dyn Store, plan: &Plan) -> Result<()> {
    let mut update = Update::new();
    for (id, old) in plans(store)? {
        let old: Plan = read(&id, old)?;
        if old.expires_at + KEPT_FOR < plan.created_at {
            update.delete(Space::Plans, id.as_bytes());
        }
    }
    put_plan(&mut update, &plan.id, &value(plan)?);
    store.commit(update).await
}

/// Reads an operation.
pub fn read_operation(store: &dyn Store, id: &str) -> Result<Option<Operation>> {
    let stored = load_operation(store, id)?;
    stored.map(|operation| read(id, operation)).transpose()
}

/// Reads every operation, oldest first.
pub fn all_operations(store: &dyn Store) -> Result<Vec<Operation>> {
    let stored = operations(store)?.into_iter();
    stored.map(|(id, operation)| read(&id, operation)).collect()
}

/// Saves an operation.
pub async fn save_operation(store: &dyn Store, operation: &Operation) -> Result<()> {
    let mut update = Update::new();
    put_operation(&mut update, &operation.id, &value(operation)?);
    store.commit(update).await
}

fn read<T: DeserializeOwned>(id: &str, stored: Value) -> Result<T> {
    serde_json::from_value(stored).map_err(|cause| {
        let message =
            format!("{id} in the checkpoint DB can't be read; was it written by a newer farshore?");
        Error::new(Kind::Store, message).caused_by(cause)
    })
}

fn value<T: Serialize>(stored: &T) -> Result<Value> {
    serde_json::to_value(stored)
        .map_err(|cause| Error::new(Kind::Store, "a plan can't be written").caused_by(cause))
}
