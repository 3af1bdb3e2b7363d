//! Translation of single offsets.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::Body;
use super::problem::Problem;
use super::state::ApiState;
use crate::contract::TranslationRequest;
use crate::model::{
    Partition, SourceOffset, TargetOffset, TopicPartition, Translation, Untranslatable,
};

/// `POST /v1/translate`
pub(super) async fn translate(
    State(state): State<Arc<ApiState>>,
    Body(question): Body<TranslationRequest>,
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
    question: &TranslationRequest,
    partition: &TopicPartition,
    why: Untranslatable,
) -> Result<Translation, Problem> {
    let reason = why.to_string();
    let (source, target) = match why {
        Untranslatable::UnknownPartition => {
            let message = format!("link {} doesn't mirror {partition}", question.link);
            return Err(Problem::NotFound(message));
        }
        Untranslatable::NotReady(why) => return Err(Problem::Unavailable(why)),
        Untranslatable::BeyondFrontier {
            frontier,
            target_end,
        } => (frontier, target_end),
        Untranslatable::BeforeMap { source, target } => (source, target),
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
