//! The HTTP interface as types: what is asked and answered, for the service and the command line alike.
//!
//! Promises: each type is the JSON that `docs/api.md` shows and `/openapi.json` describes; requests refuse unknown fields,
//! readers of answers ignore them. Answers that are types of another part, such as plans, are used as they are.
//! Doesn't: know HTTP, or how an answer is made.

mod changes;
mod explanation;
mod links;
mod requests;
mod settings;
mod topics;

pub(crate) use crate::control::acls::status::AclStatus;
pub(crate) use crate::control::groups::commit::Expiry;
pub(crate) use crate::failover::plan::{Blocker, Plan};
pub(crate) use crate::failover::summary::{OperationSummary, PlanSummary};
pub(crate) use crate::model::Translation;
pub(crate) use crate::telemetry::{Liveness, Readiness};
pub(crate) use crate::verify::Report;

pub(crate) use changes::{
    AuditAnswer, DeletedOffsets, OperationAnswer, ProblemAnswer, Recreation, ReleaseAnswer,
    ReleaseResult, ResolutionAnswer, VerificationSummary,
};
pub(crate) use explanation::{
    ExplanationAnswer, GroupExplanation, Presence, RuleAnswer, TopicExplanation,
};
pub(crate) use links::{
    CertificateAnswer, CheckOutcome, IntentAnswer, LinkAnswer, ReadinessAnswer, ReadinessCheck,
    SharedDetail, TopicIntentAnswer,
};
pub use links::{LinkFailure, LinkState};
pub(crate) use links::{UnreachableBroker, UnreachableCause};
pub(crate) use requests::{
    AllowLoss, IntentRequest, OperationRequest, PlanRequest, ReadyScope, ResolutionRequest,
    ReturnRequest, ScopeRequest, TranslationItem, TranslationRequest, VerificationRequest,
};
pub(crate) use settings::{SettingAnswer, SettingLikeness, Treatment};
pub(crate) use topics::{
    GroupAnswer, OpenTransactionAnswer, PartitionAnswer, ProofAnswer, ReturnedGroup, TopicAnswer,
    TranslatedItem, TranslationAnswer,
};
