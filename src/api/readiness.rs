//! Whether a link is ready for a move: checks, each with a remedy.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;

use crate::contract::{CheckOutcome, ReadinessAnswer, ReadinessCheck};
use crate::control::groups::status::GroupState;
use crate::model::{ClusterName, LinkName, PartitionState};
use crate::replicate::TransactionLimit;
use crate::telemetry::now_ms;

use super::extract::Segments;
use super::health::{NAMED, standing_still};
use super::problem::Problem;
use super::state::{ApiState, Condition, LinkHandle, Reach};

/// `GET /v1/links/{link}/readiness`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
) -> Result<Json<ReadinessAnswer>, Problem> {
    let link = state.link(&link)?;
    let condition = link.condition.borrow().clone();
    let checks = vec![
        reach("source_reachable", &link.source, &condition.source),
        reach("target_reachable", &link.target, &condition.target),
        mirroring(&link, &condition),
        partitions(&link),
        lag(&link),
        transactions(&link),
        groups(&link),
        acls(&link),
    ];
    Ok(Json(ReadinessAnswer {
        link: link.view.link().clone(),
        ready: checks
            .iter()
            .all(|check| check.outcome != CheckOutcome::Fail),
        checks,
    }))
}

fn pass(name: &'static str, detail: impl Into<String>) -> ReadinessCheck {
    ReadinessCheck {
        name: name.to_owned(),
        outcome: CheckOutcome::Pass,
        detail: detail.into(),
        remedy: None,
    }
}

fn fail(name: &'static str, detail: impl Into<String>, remedy: &'static str) -> ReadinessCheck {
    ReadinessCheck {
        name: name.to_owned(),
        outcome: CheckOutcome::Fail,
        detail: detail.into(),
        remedy: Some(remedy.to_owned()),
    }
}

fn warn(name: &'static str, detail: impl Into<String>, remedy: &'static str) -> ReadinessCheck {
    ReadinessCheck {
        outcome: CheckOutcome::Warn,
        ..fail(name, detail, remedy)
    }
}

fn reach(name: &'static str, cluster: &ClusterName, reach: &Reach) -> ReadinessCheck {
    let remedy = "Check the network and the brokers; if the source is lost, plan a failover.";
    match reach {
        Reach::Reached => pass(name, format!("{cluster} answers")),
        Reach::Unknown => fail(name, format!("{cluster} has not answered yet"), remedy),
        Reach::Lost(why) => fail(name, format!("{cluster} can't be reached: {why}"), remedy),
        Reach::LoginFailed(why) => fail(
            name,
            format!("the login at {cluster} fails: {why}"),
            "Correct the login of that cluster, [clusters.NAME.sasl], or what it refers to: files and commands are read again.",
        ),
    }
}

fn mirroring(link: &LinkHandle, condition: &Condition) -> ReadinessCheck {
    let name = "mirroring";
    if let Some(failure) = &condition.failure {
        let remedy = "It restarts automatically; see its failure if it keeps failing.";
        return fail(name, failure.message.clone(), remedy);
    }
    let intent = link.view.link_intent();
    if !intent.writes() {
        return fail(name, format!("the link is {intent}"), "Resume it.");
    }
    match &condition.waits_for {
        Some(what) => fail(
            name,
            what.clone(),
            "It continues automatically once that is available.",
        ),
        None => pass(name, "the link is not paused"),
    }
}

fn partitions(link: &LinkHandle) -> ReadinessCheck {
    let standing = standing_still(link);
    if standing.is_empty() {
        return deletions(link);
    }
    let remedy = "See the reason of each partition in the link's topics.";
    fail("partitions", standing.join("; "), remedy)
}

fn deletions(link: &LinkHandle) -> ReadinessCheck {
    let partitions = link.view.partitions().into_iter();
    let doubted: Vec<String> = partitions
        .filter_map(|it| {
            Some(format!(
                "{}: {}",
                it.partition,
                it.missed_deletions?.message()
            ))
        })
        .collect();
    if doubted.is_empty() {
        return pass("partitions", "none waits for an operator");
    }
    let remedy = "A move carries them over as they are; mirror the topics anew first if deleted keys matter.";
    warn("partitions", doubted.join("; "), remedy)
}

fn lag(link: &LinkHandle) -> ReadinessCheck {
    let partitions = link.view.partitions();
    let behind = |state| state != PartitionState::Live && state != PartitionState::Open;
    let behind = partitions.iter().filter(|status| behind(status.state));
    match behind.count() {
        0 => pass("lag", "everything committed was mirrored at the last check"),
        count => {
            let detail = format!("{count} of {} partitions are not live", partitions.len());
            warn(
                "lag",
                detail,
                "A switchover waits for them; a failover would lose what they lack.",
            )
        }
    }
}

/// Brokers end a transaction once it is older than they let it become, unless they have lost track of it.
fn transactions(link: &LinkHandle) -> ReadinessCheck {
    let name = "transactions";
    let TransactionLimit { limit, is_reported } = link.view.transaction_limit();
    let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    let whose = if is_reported {
        "transaction.max.timeout.ms of the source"
    } else {
        "Kafka's default: the source hasn't reported its transaction.max.timeout.ms"
    };
    let limit = format!("{} s ({whose})", limit.as_secs());
    let now = now_ms();
    let partitions = link.view.partitions().into_iter();
    let mut old = partitions.filter_map(|status| {
        let transaction = status.held_by?;
        let age_ms = now.saturating_sub(transaction.since_ms);
        let since = Timestamp::from_millisecond(transaction.since_ms).ok()?;
        (age_ms > limit_ms).then(|| {
            let producer = transaction.producer_id;
            let producer = producer.map(|id| format!(" by producer {id}"));
            format!(
                "{} since {since}{}",
                status.partition,
                producer.unwrap_or_default()
            )
        })
    });
    let named: Vec<String> = old.by_ref().take(NAMED).collect();
    if named.is_empty() {
        return pass(name, format!("none has been open for more than {limit}"));
    }
    let more = match old.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    let detail = format!("open for more than {limit}: {named}{more}");
    let remedy = "A switchover waits for them; end those whose producers are gone (kafka-transactions.sh find-hanging, abort).";
    warn(name, detail, remedy)
}

fn groups(link: &LinkHandle) -> ReadinessCheck {
    if let Some(silent) = link.groups.silent() {
        let detail = format!(
            "offsets of all groups are held back: the source doesn't report the log ends of {} partitions, among them {}",
            silent.count, silent.first
        );
        let remedy = "Bring a replica of each partition back, or take its topic out of the link: what led to a commit may be in it.";
        return warn("groups", detail, remedy);
    }
    let groups = link.groups.groups();
    let offsets = groups.values().flat_map(|group| &group.partitions);
    let not_synced = offsets.filter(|status| match status.state {
        GroupState::Synced | GroupState::Pending | GroupState::Moved | GroupState::Vanished => {
            false
        }
        GroupState::Held
        | GroupState::Clamped
        | GroupState::ActiveOnTarget
        | GroupState::Released
        | GroupState::Waiting
        | GroupState::Paused => true,
    });
    match not_synced.count() {
        0 => pass(
            "groups",
            format!("{} groups are carried over", groups.len()),
        ),
        count => {
            let detail = format!("{count} group offsets are not in sync with the source");
            warn(
                "groups",
                detail,
                "See the state of each offset in the link's groups.",
            )
        }
    }
}

fn acls(link: &LinkHandle) -> ReadinessCheck {
    let status = link.acls.status();
    let name = "acls";
    match status.trouble() {
        None if status.sync_acls || status.guard_mirrors => {
            pass(name, "the ACLs of the mirror topics are as they should be")
        }
        None => pass(name, "the link doesn't care for ACLs"),
        Some(trouble) => {
            let remedy = "See the link's ACLs; `farshore check` names what is missing. A move doesn't wait for it.";
            warn(name, trouble, remedy)
        }
    }
}
