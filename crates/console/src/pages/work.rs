//! The work that waits for a person: reviews, dead letters, refused refunds, and the findings of
//! `chorus doctor`.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chorus_events::Money;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiRequest, AskError, permitted, read};
use crate::page::{Done, ErrorPage, Frame, render};
use crate::{Console, form, show};

/// How many entries of each kind a page shows at most.
const MOST: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Review {
    order_id: String,
    customer_id: String,
    total: Money,
    placed_at: Timestamp,
    handle: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reviews {
    reviews: Vec<Review>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DeadLetter {
    /// The id is a number in a shop on a laptop, and a text in a shop on AWS.
    id: Value,
    queue: String,
    rule: String,
    order_id: String,
    detail_type: String,
    at: Timestamp,
    attributes: std::collections::BTreeMap<String, String>,
}

impl DeadLetter {
    fn id(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), ToOwned::to_owned)
    }

    fn error(&self) -> &str {
        let named = |name| self.attributes.get(name).map(String::as_str);
        named("ERROR_MESSAGE").or_else(|| named("ERROR_CODE")).unwrap_or("no error is known")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Attention {
    order_id: String,
    event: String,
    since: Timestamp,
    reason: String,
    remedy: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stuck {
    order_id: String,
    after: String,
    since: Timestamp,
    action: String,
    because: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Discrepancy {
    about: String,
    problem: String,
    remedy: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FailedExecution {
    machine: String,
    order_id: String,
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Checkup {
    orders: usize,
    #[serde(default)]
    stuck: Vec<Stuck>,
    #[serde(default)]
    attention: Vec<Attention>,
    #[serde(default)]
    discrepancies: Vec<Discrepancy>,
    #[serde(default)]
    failed_executions: Vec<FailedExecution>,
    #[serde(default)]
    unpublished: Vec<Value>,
    #[serde(default)]
    unwritable: Vec<Unwritable>,
    #[serde(default)]
    unavailable: Vec<Unavailable>,
    #[serde(default)]
    alarms: Vec<Alarm>,
    #[serde(default)]
    redriven: Vec<Redriven>,
    #[serde(default)]
    drift: Vec<String>,
}

impl Checkup {
    /// Keeps only the first findings of the kinds that may have many findings.
    fn truncate(&mut self) {
        self.stuck.truncate(MOST);
        self.attention.truncate(MOST);
        self.discrepancies.truncate(MOST);
        self.failed_executions.truncate(MOST);
        self.drift.truncate(MOST);
    }

    fn is_well(&self) -> bool {
        self.stuck.is_empty()
            && self.attention.is_empty()
            && self.discrepancies.is_empty()
            && self.failed_executions.is_empty()
            && self.unpublished.is_empty()
            && self.unwritable.is_empty()
            && self.unavailable.is_empty()
            && self.alarms.is_empty()
            && self.redriven.is_empty()
            && self.drift.is_empty()
    }
}

/// A file of the data directory that cannot be written.
#[derive(Debug, Deserialize)]
struct Unwritable {
    file: String,
    since: Timestamp,
    reason: String,
}

/// A CloudWatch alarm of the stack whose state is ALARM.
#[derive(Debug, Deserialize)]
struct Alarm {
    name: String,
    since: Timestamp,
    description: String,
    reason: String,
}

/// A partner that does not answer.
#[derive(Debug, Deserialize)]
struct Unavailable {
    partner: String,
    since: Timestamp,
    reason: String,
}

/// A redrive queue, and the number of its events. The function that failed on these events gets
/// them again.
#[derive(Debug, Deserialize)]
struct Redriven {
    queue: String,
    events: usize,
}

/// The page of the work that waits. A part of the page that the caller may not see is `None`, and
/// is left out.
#[derive(Template)]
#[template(path = "work.html")]
struct WorkPage {
    frame: Frame,
    reviews: Option<Reviews>,
    letters: Option<Vec<DeadLetter>>,
    letters_in_all: usize,
    /// The number of dead letters that a redrive would send. It is set after a dry run.
    would_go: Option<usize>,
    checkup: Option<Checkup>,
    key: String,
}

pub(crate) async fn work(
    console: Console,
    Query(Done { done }): Query<Done>,
) -> Result<Response, ErrorPage> {
    page(&console, done.as_deref(), None).await
}

async fn page(
    console: &Console,
    done: Option<&str>,
    would_go: Option<usize>,
) -> Result<Response, ErrorPage> {
    let frame = Frame::of(console, "work", "any").with_done(done);
    let asked = async {
        let api = console.api();
        let ask = ApiRequest::get(format!("/reviews?limit={MOST}"));
        let reviews: Option<Option<Reviews>> = permitted(api, ask).await?;
        let ask = ApiRequest::get("/operator/dead-letters");
        let letters: Option<Option<Vec<DeadLetter>>> = permitted(api, ask).await?;
        let ask = ApiRequest::get("/operator/doctor");
        let checkup: Option<Option<Checkup>> = permitted(api, ask).await?;
        let (letters, checkup) =
            (letters.map(Option::unwrap_or_default), checkup.map(Option::unwrap_or_default));
        Ok::<_, AskError>((reviews.flatten(), letters, checkup))
    };
    let (reviews, mut letters, mut checkup) = asked.await.map_err(ErrorPage::of(console))?;
    let letters_in_all = letters.as_ref().map_or(0, Vec::len);
    if let Some(letters) = &mut letters {
        letters.truncate(MOST);
    }
    if let Some(checkup) = &mut checkup {
        checkup.truncate();
    }
    Ok(render(&WorkPage {
        frame,
        reviews,
        letters,
        letters_in_all,
        would_go,
        checkup,
        key: key(console)?,
    }))
}

/// A new idempotency key for a form.
pub(super) fn key(console: &Console) -> Result<String, ErrorPage> {
    form::key().map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ErrorPage::new(console, status, "No random bytes", error.to_string())
    })
}

/// Redirects to a page with a sentence about what the submitted form did. `code` selects the
/// sentence.
pub(super) fn done(path: &str, code: &str) -> Response {
    Redirect::to(&format!("{path}?done={code}")).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Decision {
    token: String,
    key: String,
    verdict: String,
    handle: String,
    #[serde(default)]
    reason: String,
}

/// Approves or declines an order. The form sends the handle that identifies the review on the page,
/// so that the decision applies to no other review.
pub(crate) async fn decide(
    console: Console,
    Path(order): Path<String>,
    headers: HeaderMap,
    Form(sent): Form<Decision>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    let (verdict, confirmation) = match sent.verdict.as_str() {
        "approve" => ("approve", "approved"),
        _ => ("decline", "declined"),
    };
    let mut body = json!({ "verdict": verdict, "handle": sent.handle });
    if !sent.reason.is_empty() {
        body["reason"] = json!(sent.reason);
    }
    let ask = ApiRequest::post(format!("/reviews/{}", show::in_path(&order)), &sent.key, body);
    let _: Value = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    Ok(done("/console/work", confirmation))
}

#[derive(Deserialize)]
pub(crate) struct Redrive {
    token: String,
    /// The dead letter to send again; `None` for all.
    id: Option<String>,
    /// Whether to count the dead letters without sending them.
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn redrive(
    console: Console,
    headers: HeaderMap,
    Form(sent): Form<Redrive>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    let ids = sent.id.map(|id| vec![id.parse::<u64>().map_or_else(|_| json!(id), Value::from)]);
    let body = json!({ "ids": ids, "dry-run": sent.dry_run });
    let ask = ApiRequest::post("/operator/dead-letters/redrive", "redrive", body);
    let went: Vec<Value> = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    if sent.dry_run {
        return page(&console, None, Some(went.len())).await;
    }
    Ok(done("/console/work", "redriven"))
}

#[derive(Deserialize)]
pub(crate) struct RetryRefund {
    token: String,
    key: String,
}

/// Makes the payment provider retry a refused refund.
pub(crate) async fn retry_refund(
    console: Console,
    Path(order): Path<String>,
    headers: HeaderMap,
    Form(sent): Form<RetryRefund>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    let path = format!("/payments/{}/refund", show::in_path(&order));
    let ask = ApiRequest::post(path, &sent.key, json!({}));
    let _: Value = read(console.api(), ask).await.map_err(ErrorPage::of(&console))?;
    Ok(done("/console/work", "refund"))
}
