//! Plans and operations in the checkpoint DB.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::plan::Plan;
pub use super::states::Operation;
use super::states::PhaseName;
use super::stored::{self, OperationHead, PlanHead};
use super::summary::{OperationSummary, PlanSummary};
use crate::checkpoint::chunks::read_whole;
use crate::checkpoint::documents::{Document, DocumentKind, Name};
use crate::checkpoint::{Store, Update};
use crate::error::{Error, Result};
use crate::model::LinkName;

/// How long an expired plan that was never executed remains readable.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Reads a plan, executed or not.
pub fn read_plan(store: &dyn Store, id: &str) -> Result<Option<Plan>> {
    let unexecuted = read_whole(|| {
        let Some(name) = DocumentKind::Plan.find(store, id)? else {
            return DocumentKind::Plan.of_first_layout(store, id).map(Some);
        };
        // Executing a plan moves it.
        let Some(Document { head, lists }) = name.load(store)? else {
            return Ok(Some(None));
        };
        match stored::load_plan(store, &name, head, &lists)? {
            Some(plan) => Ok(Some(Some(plan))),
            None => Ok(None),
        }
    });
    match unexecuted? {
        Some(plan) => Ok(Some(plan)),
        None => Ok(read_operation(store, id)?.map(|it| Arc::unwrap_or_clone(it.plan))),
    }
}

/// Saves a plan, and deletes unexecuted plans that expired long ago.
pub async fn save_plan(store: &dyn Store, plan: &Plan) -> Result<()> {
    #[derive(Deserialize)]
    struct Expiring {
        expires_at: Timestamp,
    }
    let is_old = |expires_at: Timestamp| expires_at + KEPT_FOR < plan.created_at;
    let mut update = Update::new();
    for (name, old) in DocumentKind::Plan.all::<PlanHead>(store)? {
        if is_old(old.head.expires_at) {
            name.delete(&mut update, &old);
        }
    }
    for (id, value) in DocumentKind::Plan.all_of_first_layout(store)? {
        let old: Expiring = read(&id, &value)?;
        if is_old(old.expires_at) {
            DocumentKind::Plan.delete_of_first_layout(&mut update, &id);
        }
    }
    let name = name(DocumentKind::Plan, plan);
    if let Some(former) = name.load::<PlanHead>(store)? {
        name.delete(&mut update, &former);
    }
    let document = stored::put_plan(&mut update, &name, plan);
    name.put(&mut update, &document);
    store.commit(update).await
}

/// Reads an operation.
pub fn read_operation(store: &dyn Store, id: &str) -> Result<Option<Operation>> {
    read_whole(|| {
        if let Some(name) = DocumentKind::Operation.find(store, id)? {
            let Some(document) = name.load(store)? else {
                return Ok(None);
            };
            return Ok(stored::load_operation(store, &name, document)?.map(Some));
        }
        let former = DocumentKind::Operation.of_first_layout(store, id)?;
        let is_renewed = former.is_none() && DocumentKind::Operation.find(store, id)?.is_some();
        Ok((!is_renewed).then_some(former))
    })
}

/// The links and names of the operations that haven't ended.
pub fn unfinished(store: &dyn Store) -> Result<Vec<(LinkName, String)>> {
    #[derive(Deserialize)]
    struct Former {
        plan: OfLink,
        phase: PhaseName,
    }
    #[derive(Deserialize)]
    struct OfLink {
        link: LinkName,
    }
    let mut found = Vec::new();
    for (name, Document { head, .. }) in DocumentKind::Operation.all::<OperationHead>(store)? {
        if !head.phase.is_last() {
            found.push((name.link, name.id));
        }
    }
    for (id, value) in DocumentKind::Operation.all_of_first_layout(store)? {
        let former: Former = read(&id, &value)?;
        if !matches!(former.phase, PhaseName::Done | PhaseName::Stopped) {
            found.push((former.plan.link, id));
        }
    }
    Ok(found)
}

/// Every operation, ended or not, in no order.
pub fn operations(store: &dyn Store) -> Result<Vec<OperationSummary>> {
    let mut found = Vec::new();
    for (name, Document { head, .. }) in DocumentKind::Operation.all::<OperationHead>(store)? {
        found.push(head.summary(name));
    }
    for (id, value) in DocumentKind::Operation.all_of_first_layout(store)? {
        found.push(OperationSummary::from(&read::<Operation>(&id, &value)?));
    }
    Ok(found)
}

/// Every plan that wasn't executed, in no order.
pub fn plans(store: &dyn Store) -> Result<Vec<PlanSummary>> {
    let mut found = Vec::new();
    for (name, Document { head, .. }) in DocumentKind::Plan.all::<PlanHead>(store)? {
        found.push(head.summary(name));
    }
    for (id, value) in DocumentKind::Plan.all_of_first_layout(store)? {
        let plan: Plan = read(&id, &value)?;
        found.push(PlanSummary::from(&plan));
    }
    Ok(found)
}

/// Saves an operation.
pub async fn save_operation(store: &dyn Store, operation: &Operation) -> Result<()> {
    let mut update = Update::new();
    put_operation(&mut update, store, operation)?;
    store.commit(update).await
}

/// Adds an operation to an update. The first save moves the plan into the operation.
pub fn put_operation(update: &mut Update, store: &dyn Store, operation: &Operation) -> Result<()> {
    let name = name(DocumentKind::Operation, &operation.plan);
    let former = name.load(store)?;
    if former.is_none() {
        forget_plan(update, store, &operation.plan)?;
        DocumentKind::Operation.delete_if_of_first_layout(update, store, &operation.id)?;
    }
    stored::put_operation(update, &name, operation, former);
    Ok(())
}

fn forget_plan(update: &mut Update, store: &dyn Store, plan: &Plan) -> Result<()> {
    let name = name(DocumentKind::Plan, plan);
    if let Some(document) = name.load::<PlanHead>(store)? {
        name.delete(update, &document);
    }
    DocumentKind::Plan.delete_if_of_first_layout(update, store, &plan.id)
}

/// Adds the conversion of the link's layout-1 operations to an update.
pub fn renew_operations(update: &mut Update, store: &dyn Store, link: &LinkName) -> Result<()> {
    for (id, value) in DocumentKind::Operation.all_of_first_layout(store)? {
        let operation: Operation = read(&id, &value)?;
        if operation.plan.link == *link {
            put_operation(update, store, &operation)?;
        }
    }
    Ok(())
}

fn name(kind: DocumentKind, plan: &Plan) -> Name {
    Name {
        kind,
        link: plan.link.clone(),
        id: plan.id.clone(),
    }
}

fn read<T: serde::de::DeserializeOwned>(id: &str, stored: &[u8]) -> Result<T> {
    serde_json::from_slice(stored).map_err(|cause| {
        let message =
            format!("{id} in the checkpoint DB can't be read; was it written by a newer farshore?");
        Error::new(crate::error::Kind::Store, message).caused_by(cause)
    })
}
