//! The interface described for programs: `openapi.json`, with every address, request and answer.
//!
//! `docs/openapi.json` is a copy of the document. Tests compare the copy with the document, and the document with the
//! router and with the examples in `docs/api.md`.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Array, ComponentsBuilder, Content, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, Paths, Ref, RefOr, Required, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::access::Demand;
use super::problem;
use crate::contract::{
    AclStatus, AuditAnswer, ExplanationAnswer, GroupAnswer, IntentRequest, LinkAnswer, Liveness,
    OperationAnswer, OperationRequest, OperationSummary, Plan, PlanRequest, PlanSummary,
    ProblemAnswer, Readiness, ReadinessAnswer, ReadyScope, Report, ResolutionAnswer,
    ResolutionRequest, ReturnRequest, ReturnedGroup, ScopeRequest, TopicAnswer, TranslationAnswer,
    TranslationRequest, VerificationRequest, VerificationSummary,
};
use crate::telemetry::metrics::CONTENT_TYPE as METRICS_TYPE;

const JSON: &str = "application/json";
/// The name under which every address refers to its refusals.
const REFUSAL: &str = "Refusal";
/// The name under which every address refers to the token.
const TOKEN: &str = "token";

pub(super) static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // A structure of text and lists can't fail to serialize.
    let json = document().to_pretty_json().unwrap_or_default();
    format!("{json}\n")
});

/// `GET /openapi.json`
pub(super) async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, JSON)], DOCUMENT.as_str())
}

fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut refusal = Types::default();
    let content = refusal.content::<ProblemAnswer>();
    let response = ResponseBuilder::new()
        .description("The request was refused or could not be answered")
        .content(problem::MEDIA_TYPE, content);
    let mut components = ComponentsBuilder::new()
        .response(REFUSAL, response)
        .schemas_from_iter(refusal.0);
    for entry in entries() {
        let open = is_open(entry.path).then_some(Vec::new());
        let operation = entry.operation.securities(open);
        paths.add_path_operation(entry.path, vec![entry.method], operation);
        components = components.schemas_from_iter(entry.types.0);
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = components.security_scheme(TOKEN, SecurityScheme::Http(bearer));
    let license = LicenseBuilder::new()
        .name(env!("CARGO_PKG_LICENSE"))
        .identifier(Some(env!("CARGO_PKG_LICENSE")));
    let info = InfoBuilder::new()
        .title(env!("CARGO_PKG_NAME"))
        .description(Some(env!("CARGO_PKG_DESCRIPTION")))
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(license.build()));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new(TOKEN, [""; 0])]))
        .build()
}

/// Whether an address is answered without the token whatever the configuration is.
fn is_open(path: &str) -> bool {
    let uri = Uri::try_from(path);
    uri.is_ok_and(|uri| Demand::of(&Method::GET, &uri).is_health())
}

/// Every address.
pub(super) fn entries() -> Vec<Entry> {
    let mut entries = questions();
    entries.extend(changes());
    entries
}

fn questions() -> Vec<Entry> {
    let get = |path, summary| Entry::new(HttpMethod::Get, path, summary);
    vec![
        get("/v1/links", "Every link").lists::<LinkAnswer>(),
        get("/v1/links/{link}", "One link").answers::<LinkAnswer>(),
        get(
            "/v1/links/{link}/readiness",
            "Whether a switchover would succeed now",
        )
        .answers::<ReadinessAnswer>(),
        get("/v1/links/{link}/topics", "Every mirrored topic").lists::<TopicAnswer>(),
        get("/v1/links/{link}/topics/{topic}", "One topic").answers::<TopicAnswer>(),
        get("/v1/links/{link}/groups", "Every consumer group").lists::<GroupAnswer>(),
        get("/v1/links/{link}/groups/{group}", "One group").answers::<GroupAnswer>(),
        get(
            "/v1/links/{link}/acls",
            "The ACLs of the mirror topics: what should be there, and what the link added",
        )
        .answers::<AclStatus>(),
        get(
            "/v1/links/{link}/explain/{name}",
            "Which rules include or exclude a topic or a group, and its state",
        )
        .answers::<ExplanationAnswer>(),
        Entry::new(HttpMethod::Post, "/v1/translate", "Translates offsets")
            .asks::<TranslationRequest>()
            .answers::<TranslationAnswer>(),
        get(
            "/v1/plans",
            "The latest plans that weren't executed, without their content",
        )
        .may_have("limit", ParameterIn::Query, usize::schema())
        .lists::<PlanSummary>(),
        get("/v1/plans/{id}", "A plan made before").answers::<Plan>(),
        get(
            "/v1/operations",
            "The latest operations, without their offsets",
        )
        .may_have("limit", ParameterIn::Query, usize::schema())
        .lists::<OperationSummary>(),
        get("/v1/operations/{id}", "One operation").answers::<OperationAnswer>(),
        get("/v1/verifications", "Every verification").lists::<VerificationSummary>(),
        get("/v1/verifications/{id}", "One verification").answers::<Report>(),
        get("/v1/audit", "The latest entries of the audit log")
            .may_have("limit", ParameterIn::Query, usize::schema())
            .lists::<AuditAnswer>(),
        get("/metrics", "Metrics for Prometheus").shows(METRICS_TYPE),
        get("/healthz", "Whether the process lives").answers::<Liveness>(),
        get(
            "/readyz",
            "Whether the process, or every link, can do its work",
        )
        .may_have("scope", ParameterIn::Query, ReadyScope::schema())
        .answers::<Readiness>()
        .answers_with::<Readiness>(StatusCode::SERVICE_UNAVAILABLE),
        get("/openapi.json", "This document").shows(JSON),
    ]
}

fn changes() -> Vec<Entry> {
    let change = |method, path, summary| {
        let key = "Idempotency-Key";
        Entry::new(method, path, summary).may_have(key, ParameterIn::Header, String::schema())
    };
    let post = |path, summary| change(HttpMethod::Post, path, summary);
    vec![
        post("/v1/links/{link}/pause", "Pauses a link or topics of it")
            .may_ask::<ScopeRequest>()
            .answers::<LinkAnswer>(),
        post("/v1/links/{link}/resume", "Resumes a link or topics of it")
            .may_ask::<ScopeRequest>()
            .answers::<LinkAnswer>(),
        change(HttpMethod::Put, "/v1/links/{link}/intent", "Sets an intent")
            .asks::<IntentRequest>()
            .answers::<LinkAnswer>(),
        post("/v1/links/{link}/resolve", "Releases halted partitions")
            .asks::<ResolutionRequest>()
            .answers::<ResolutionAnswer>(),
        post(
            "/v1/links/{link}/groups/return",
            "Gives groups that were moved back to group sync",
        )
        .asks::<ReturnRequest>()
        .lists::<ReturnedGroup>(),
        post("/v1/plans", "Makes a plan")
            .asks::<PlanRequest>()
            .answers_with::<Plan>(StatusCode::CREATED),
        post("/v1/operations", "Executes a plan")
            .asks::<OperationRequest>()
            .answers_with::<OperationAnswer>(StatusCode::ACCEPTED),
        post(
            "/v1/operations/{id}/cancel",
            "Calls an operation off that hasn't committed anything yet",
        )
        .answers::<OperationAnswer>(),
        post("/v1/verifications", "Orders a verification")
            .asks::<VerificationRequest>()
            .answers_with::<Report>(StatusCode::ACCEPTED),
        post("/v1/verifications/{id}/cancel", "Cancels a verification").answers::<Report>(),
    ]
}

/// One method of an address.
pub(super) struct Entry {
    method: HttpMethod,
    path: &'static str,
    operation: OperationBuilder,
    pub(super) types: Types,
}

/// The types that something consists of, by name.
#[derive(Default)]
pub(super) struct Types(pub(super) Vec<(String, RefOr<Schema>)>);

impl Types {
    /// A reference to a type, which is added with the types it consists of.
    fn reference<T: ToSchema>(&mut self) -> Ref {
        self.0.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.0);
        Ref::from_schema_name(T::name())
    }

    fn content<T: ToSchema>(&mut self) -> Content {
        Content::new(Some(self.reference::<T>()))
    }
}

impl Entry {
    fn new(method: HttpMethod, path: &'static str, summary: &str) -> Self {
        let segments = path.split('{').skip(1);
        let segments = segments.filter_map(|rest| rest.split_once('}'));
        let operation = OperationBuilder::new()
            .summary(Some(summary))
            .response("default", Ref::from_response_name(REFUSAL));
        let operation = segments.fold(operation, |operation, (name, _)| {
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(String::schema()));
            operation.parameter(parameter)
        });
        Self {
            method,
            path,
            operation,
            types: Types::default(),
        }
    }

    fn may_have(mut self, name: &str, place: ParameterIn, schema: RefOr<Schema>) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .schema(Some(schema));
        self.operation = self.operation.parameter(parameter);
        self
    }

    fn asks<T: ToSchema>(self) -> Self {
        self.takes::<T>(Required::True)
    }

    fn may_ask<T: ToSchema>(self) -> Self {
        self.takes::<T>(Required::False)
    }

    fn takes<T: ToSchema>(mut self, required: Required) -> Self {
        let body = RequestBodyBuilder::new()
            .content(JSON, self.types.content::<T>())
            .required(Some(required));
        self.operation = self.operation.request_body(Some(body.build()));
        self
    }

    fn answers<T: ToSchema>(self) -> Self {
        self.answers_with::<T>(StatusCode::OK)
    }

    fn answers_with<T: ToSchema>(mut self, status: StatusCode) -> Self {
        let content = self.types.content::<T>();
        self.responds(status, JSON, content)
    }

    fn lists<T: ToSchema>(mut self) -> Self {
        let list = Array::new(self.types.reference::<T>());
        self.responds(StatusCode::OK, JSON, Content::new(Some(list)))
    }

    fn shows(self, media_type: &str) -> Self {
        self.responds(StatusCode::OK, media_type, Content::default())
    }

    fn responds(mut self, status: StatusCode, media_type: &str, content: Content) -> Self {
        let response = ResponseBuilder::new()
            .description(status.canonical_reason().unwrap_or_default())
            .content(media_type, content);
        self.operation = self.operation.response(status.as_str(), response);
        self
    }
}
