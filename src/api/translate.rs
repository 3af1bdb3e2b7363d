//! Translation of offsets, one or many at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::Body;
use super::problem::Problem;
use super::state::{ApiState, LinkHandle};
use crate::contract::{TranslatedItem, TranslationAnswer, TranslationItem, TranslationRequest};
use crate::model::{
    Partition, SourceOffset, TargetOffset, TopicPartition, Translation, Untranslatable,
};

/// The limit of offsets at once: an answer takes about a millisecond.
const ITEMS: usize = 1000;

/// `POST /v1/translate`
pub(super) async fn translate(
    State(state): State<Arc<ApiState>>,
    Body(request): Body<TranslationRequest>,
) -> Result<Json<TranslationAnswer>, Problem> {
    let name = request.link.clone();
    let asked = asked(request)?;
    let link = state.link(&name)?;
    let answer = match asked {
        Asked::One(item) => TranslationAnswer::One(translated(&link, &item)?),
        Asked::Many(items) => {
            let answer = |item| match translated(&link, item) {
                Ok(found) => TranslatedItem::Translated(found),
                Err(problem) => TranslatedItem::Refused {
                    error: problem.answer(),
                },
            };
            TranslationAnswer::Many {
                items: items.iter().map(answer).collect(),
            }
        }
    };
    Ok(Json(answer))
}

/// What a request asks.
enum Asked {
    One(TranslationItem),
    Many(Vec<TranslationItem>),
}

fn asked(request: TranslationRequest) -> Result<Asked, Problem> {
    let TranslationRequest {
        link: _,
        topic,
        partition,
        offset,
        reverse,
        items,
    } = request;
    let Some(items) = items else {
        let missing = |name| Problem::Malformed(format!("missing field `{name}`"));
        let item = TranslationItem {
            topic: topic.ok_or_else(|| missing("topic"))?,
            partition: partition.ok_or_else(|| missing("partition"))?,
            offset: offset.ok_or_else(|| missing("offset"))?,
            reverse: reverse.unwrap_or_default(),
        };
        check(&item)?;
        return Ok(Asked::One(item));
    };
    if topic.is_some() || partition.is_some() || offset.is_some() || reverse.is_some() {
        let message = "items: topic, partition, offset and reverse belong to each of them";
        return Err(Problem::Malformed(message.to_owned()));
    }
    if items.len() > ITEMS {
        let message = format!("items: at most {ITEMS} at once, found {}", items.len());
        return Err(Problem::Malformed(message));
    }
    Ok(Asked::Many(items))
}

fn check(item: &TranslationItem) -> Result<(), Problem> {
    if item.partition < 0 || item.offset < 0 {
        let message = "partition and offset are 0 or greater";
        return Err(Problem::Malformed(message.to_owned()));
    }
    Ok(())
}

fn translated(link: &LinkHandle, item: &TranslationItem) -> Result<Translation, Problem> {
    check(item)?;
    let view = &link.view;
    let partition = TopicPartition {
        topic: item.topic.clone(),
        partition: Partition(item.partition),
    };
    let found = if item.reverse {
        view.translate_back(&partition, TargetOffset(item.offset))
    } else {
        view.translate(&partition, SourceOffset(item.offset))
    };
    found.or_else(|why| nearest(link, item, &partition, why))
}

/// The nearest offset that an operator can use if there is no exact one, and the reason why it isn't exact.
fn nearest(
    link: &LinkHandle,
    item: &TranslationItem,
    partition: &TopicPartition,
    why: Untranslatable,
) -> Result<Translation, Problem> {
    let reason = why.to_string();
    let (source, target) = match why {
        Untranslatable::UnknownPartition => {
            link.require_owner()?;
            let message = format!("link {} doesn't mirror {partition}", link.view.link());
            return Err(Problem::NotFound(message));
        }
        Untranslatable::NotReady(why) => return Err(Problem::Unavailable(why)),
        Untranslatable::BeyondFrontier {
            frontier,
            target_end,
        } => (frontier, target_end),
        Untranslatable::BeforeMap { source, target } => (source, target),
    };
    let (source_offset, target_offset) = if item.reverse {
        (source, TargetOffset(item.offset))
    } else {
        (SourceOffset(item.offset), target)
    };
    Ok(Translation {
        source_offset,
        target_offset,
        exact: false,
        reason: Some(reason),
    })
}
