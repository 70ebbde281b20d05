//! `/mutate` and `/validate`: an HTTP request → a decision → the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use infer_core::catalog::CatalogError;
use infer_core::policy::{self, Operation, Outcome, Phase, Snapshot, Verdict};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::metrics::{Metrics, operation_name, phase_name};
use crate::review::{self, ReviewRequest, Unread};
use crate::store::Store;

/// Largest body: an object is up to 3 MiB, an update carries the old one too, and the review adds to both.
const MAX_BODY: usize = 7 << 20;

/// Bodies that are read or held at the same time, in bytes.
const MAX_IN_FLIGHT: usize = 32 << 20;

/// Bytes of one permit: a semaphore counts in 32 bits, and a small body need not be counted to the byte.
const PERMIT: usize = 1 << 10;

/// From when on reading the JSON would keep a thread from answering others. Such bodies are decided one at a time,
/// and only if what they become is bounded.
const LARGE: usize = 256 << 10;

/// What the JSON of one body may take once it is read, in bytes: more than the largest objects that an API server
/// stores, old and new together. Seven MiB of `{"a":1},` would take 800.
const MAX_READ: usize = 144 << 20;

/// What an object and any other value take once they are read, measured on `serde_json` with the order of keys kept.
const READ: (usize, usize) = (560, 72);

/// How long a body may take. The API server gives up on a call after three seconds.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// What a review needs.
struct Admission {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    in_flight: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Why a request is not answered with a review.
struct Rejection {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

/// Answers `/mutate` and `/validate` by what `store` holds.
pub(crate) fn router(store: Arc<Store>, metrics: Arc<Metrics>) -> Router {
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT / PERMIT));
    let large = Arc::new(Semaphore::new(1));
    let admission = Arc::new(Admission { store, metrics, in_flight, large });
    Router::new()
        .route("/mutate", post(|state, request| review(state, Phase::Mutate, request)))
        .route("/validate", post(|state, request| review(state, Phase::Validate, request)))
        .with_state(admission)
}

async fn review(State(admission): State<Arc<Admission>>, phase: Phase, request: Request) -> Response {
    let start = Instant::now();
    match admission.answer(phase, request).await {
        Ok(answer) => {
            admission.metrics.took(phase, start.elapsed().as_secs_f64());
            ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
        }
        Err(rejection) => {
            admission.metrics.rejected(rejection.reason);
            let Rejection { status, reason, message } = rejection;
            tracing::warn!(
                phase = phase_name(phase),
                status = status.as_u16(),
                reason,
                error = message,
                "no review"
            );
            (status, message + "\n").into_response()
        }
    }
}

impl Admission {
    async fn answer(self: &Arc<Self>, phase: Phase, request: Request) -> Result<Vec<u8>, Rejection> {
        let (head, body) = request.into_parts();
        check_content_type(&head.headers)?;
        let length = content_length(&head.headers)?;
        // Without a length it could become the largest.
        let permits = length.unwrap_or(MAX_BODY).div_ceil(PERMIT);
        let permits = u32::try_from(permits).map_err(|_| too_large())?;
        let reading = async {
            let in_flight = Arc::clone(&self.in_flight);
            let permit = in_flight.acquire_many_owned(permits).await.map_err(|_| timed_out())?;
            Ok((read(body, length).await?, permit))
        };
        let (bytes, permit) =
            tokio::time::timeout(BODY_DEADLINE, reading).await.map_err(|_| timed_out())??;
        if bytes.len() < LARGE {
            return self.decide(phase, &bytes);
        }
        if read_size(&bytes) > MAX_READ {
            return Err(too_many_values());
        }
        let turn = Arc::clone(&self.large).acquire_owned().await;
        let admission = Arc::clone(self);
        let decision = tokio::task::spawn_blocking(move || {
            // It goes on when the caller hangs up, and so does what it holds.
            let _held = (permit, turn);
            admission.decide(phase, &bytes)
        });
        decision.await.map_err(|error| failed(format!("The decision did not end: {error}")))?
    }

    /// Body of a review → body of its answer.
    fn decide(&self, phase: Phase, body: &[u8]) -> Result<Vec<u8>, Rejection> {
        let start = Instant::now();
        let mut request = ReviewRequest::read(body).map_err(not_a_review)?;
        let snapshot = self.store.current();
        // Nobody needs it afterwards, so that fixes are tried in it.
        let object = request.object.take();
        let asked = policy::Request {
            operation: request.operation,
            namespace: request.namespace(),
            resource: request.resource(),
            subresource: request.sub_resource(),
            user: Some(request.user_info.username.as_ref()),
            object: None,
            old_object: None,
            now_unix_seconds: Timestamp::now().as_second(),
        };
        // A rule that panics on one object must not take the replica, and then the others, away from all.
        let decision =
            catch_unwind(AssertUnwindSafe(|| verdict(phase, &asked, object, request.old_object, &snapshot)));
        let verdict = match decision {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(Undecided::OldObject(error))) => {
                return Err(not_a_review(format!("The old object cannot be read: {error}")));
            }
            Ok(Err(Undecided::Catalog(error))) => {
                return Err(self.decision_failed(phase, &request, &error.to_string()));
            }
            Err(_) => return Err(self.decision_failed(phase, &request, "a rule panicked")),
        };
        self.count(phase, &request, &verdict);
        log(phase, &request, &verdict, start.elapsed());
        review::answer(&request.uid, &verdict)
            .map_err(|error| self.decision_failed(phase, &request, &error.to_string()))
    }

    /// An error is never a skip: the configuration's `failurePolicy` says what it means for the object.
    fn decision_failed(&self, phase: Phase, request: &ReviewRequest<'_>, why: &str) -> Rejection {
        self.metrics.decision_failed(phase);
        tracing::error!(uid = %request.uid, phase = phase_name(phase), error = why, "decision failed");
        failed(format!("The decision failed: {why}"))
    }

    fn count(&self, phase: Phase, request: &ReviewRequest<'_>, verdict: &Verdict) {
        self.metrics.reviewed(phase, &request.kind.kind, request.operation, verdict.outcome);
        self.metrics.patched(verdict.patch.len());
        for judgement in &verdict.judgements {
            self.metrics.judged(phase, judgement);
        }
    }
}

/// Why there is no verdict.
#[derive(Debug)]
enum Undecided {
    OldObject(serde_json::Error),
    Catalog(CatalogError),
}

/// The verdict on `asked`, which has neither object nor old object of its own.
///
/// What an object was before can make of a refusal a warning, and changes nothing else about its validation: the old
/// object is read only where that would refuse.
fn verdict(
    phase: Phase,
    asked: &policy::Request<'_>,
    object: Option<Value>,
    old: Unread<'_>,
    snapshot: &Snapshot,
) -> Result<Verdict, Undecided> {
    if phase == Phase::Validate && asked.subresource.is_none() {
        let asked = policy::Request { object: object.as_ref(), ..*asked };
        let verdict = policy::decide(phase, &asked, snapshot).map_err(Undecided::Catalog)?;
        if verdict.is_allowed() || asked.operation != Operation::Update {
            return Ok(verdict);
        }
    }
    let old = old.read().map_err(Undecided::OldObject)?;
    let asked = policy::Request { old_object: old.as_ref(), ..*asked };
    policy::decide_about(phase, &asked, object, snapshot).map_err(Undecided::Catalog)
}

fn log(phase: Phase, request: &ReviewRequest<'_>, verdict: &Verdict, took: Duration) {
    // Most of what is admitted is no inference workload, and says nothing.
    macro_rules! decision {
        ($level:ident, $rules:expr) => {
            tracing::$level!(
                uid = %request.uid,
                phase = phase_name(phase),
                operation = operation_name(request.operation),
                kind = %request.kind.kind,
                namespace = request.namespace().unwrap_or_default(),
                name = request.name.as_deref().unwrap_or_default(),
                dry_run = request.is_dry_run(),
                outcome = verdict.outcome.name(),
                rules = $rules,
                operations = verdict.patch.len(),
                micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "decision"
            )
        };
    }
    if matches!(verdict.outcome, Outcome::Skipped) {
        decision!(debug, "");
    } else {
        let rules: Vec<_> = verdict.judgements.iter().map(|judgement| judgement.finding.rule.id).collect();
        decision!(info, rules.join(","));
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Rejection {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        reason: "content_type",
        message: "Expected the content type `application/json`".to_owned(),
    })
}

/// Length that the request declares; `None` where it declares none.
fn content_length(headers: &HeaderMap) -> Result<Option<usize>, Rejection> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|length| length.parse().ok());
    match length {
        Some(length) if length <= MAX_BODY => Ok(Some(length)),
        _ => Err(too_large()),
    }
}

/// The whole body, in one piece without a copy where it came in one.
async fn read(body: Body, length: Option<usize>) -> Result<Bytes, Rejection> {
    let mut chunks = body.into_data_stream();
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Rejection {
            status: StatusCode::BAD_REQUEST,
            reason: "broken_body",
            message: format!("The body ended too early: {error}"),
        })?;
        if all.is_empty() && Some(chunk.len()) == length {
            return Ok(chunk);
        }
        if all.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        if all.is_empty() {
            all.reserve_exact(length.unwrap_or(chunk.len()));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

/// At most what the JSON of `body` takes once it is read: punctuation inside strings counts too.
fn read_size(body: &[u8]) -> usize {
    let (object, value) = READ;
    let sizes = body.iter().map(|byte| match byte {
        b'{' => object,
        b',' | b'[' => value,
        _ => 1,
    });
    sizes.sum()
}

fn not_a_review(message: String) -> Rejection {
    Rejection { status: StatusCode::BAD_REQUEST, reason: "not_a_review", message }
}

fn too_many_values() -> Rejection {
    let message = "The body has too many values for its objects to be judged".to_owned();
    Rejection { status: StatusCode::PAYLOAD_TOO_LARGE, reason: "too_large", message }
}

fn too_large() -> Rejection {
    let message = format!("The body is larger than {MAX_BODY} bytes");
    Rejection { status: StatusCode::PAYLOAD_TOO_LARGE, reason: "too_large", message }
}

fn timed_out() -> Rejection {
    let message = format!("The body did not arrive within {} s", BODY_DEADLINE.as_secs());
    Rejection { status: StatusCode::REQUEST_TIMEOUT, reason: "slow_body", message }
}

fn failed(message: String) -> Rejection {
    Rejection { status: StatusCode::INTERNAL_SERVER_ERROR, reason: "decision_failed", message }
}
