//! Translation of single offsets.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::extract::Body;
use super::problem::Problem;
use super::state::ApiState;
use crate::model::{LinkName, Partition, SourceOffset, TargetOffset, TopicName, TopicPartition};
use crate::replicate::{Translation, Untranslatable};

/// The body of `POST /v1/translate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    link: LinkName,
    /// The topic's name on the source.
    topic: TopicName,
    partition: i32,
    /// A source offset, or a target offset if `reverse`.
    offset: i64,
    #[serde(default)]
    reverse: bool,
}

/// `POST /v1/translate`
pub(super) async fn translate(
    State(state): State<Arc<ApiState>>,
    Body(question): Body<Question>,
) -> Result<Json<Translation>, Problem> {
    if question.partition < 0 || question.offset < 0 {
        let message = "partition and offset are 0 or greater";
        return Err(Problem::Malformed(message.to_owned()));
    }
    let link = state.link(&question.link)?;
    let view = &link.view;
    let partition = TopicPartition {
        topic: question.topic.clone(),
        partition: Partition(question.partition),
    };
    let found = if question.reverse {
        view.translate_back(&partition, TargetOffset(question.offset))
    } else {
        view.translate(&partition, SourceOffset(question.offset))
    };
    found
        .or_else(|why| nearest(&question, &partition, why))
        .map(Json)
}

/// The nearest offset that an operator can use if there is no exact one, and the reason why it isn't exact.
fn nearest(
    question: &Question,
    partition: &TopicPartition,
    why: Untranslatable,
) -> Result<Translation, Problem> {
    let (source, target, reason) = match why {
        Untranslatable::UnknownPartition => {
            let message = format!("link {} doesn't mirror {partition}", question.link);
            return Err(Problem::NotFound(message));
        }
        Untranslatable::Store(error) => return Err(error.into()),
        Untranslatable::BeyondFrontier {
            frontier,
            target_end,
        } => {
            let reason = format!(
                "not mirrored yet: the mirror ends at source offset {frontier}, target offset {target_end}"
            );
            (frontier, target_end, reason)
        }
        Untranslatable::BeforeMap { source, target } => {
            let reason = format!(
                "before the first mirrored record, which has source offset {source} and target offset {target}"
            );
            (source, target, reason)
        }
    };
    let (source_offset, target_offset) = if question.reverse {
        (source, TargetOffset(question.offset))
    } else {
        (SourceOffset(question.offset), target)
    };
    Ok(Translation {
        source_offset,
        target_offset,
        exact: false,
        reason: Some(reason),
    })
}
