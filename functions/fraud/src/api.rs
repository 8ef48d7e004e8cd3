//! The routes of the Fraud service.

use async_trait::async_trait;
use chorus_events::callers::ONLY_REVIEWERS;
use chorus_events::commands::{DecideReview, Verdict};
use chorus_events::table::rows;
use chorus_events::{Currency, OrderId, PLAIN_TEXT, Priced};
use chorus_http::{
    Endpoint, Method, Parameter, Problem, Request, Response, Route, Values, command,
};
use chorus_kernel::{Failure, Item, Kernel, Query, entity_key};
use chorus_table::{Event, Handle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::review::PENDING;
use crate::review_order::{MAX_REASON, ReviewOrder};
use crate::{PENDING_INDEX, Review, TABLE};

/// How many reviews a page lists by default.
const PAGE: u32 = 20;

/// How many reviews a page lists at most.
const MAX_PAGE: u32 = 100;

/// A reviewer's decision on an order. The path has the order's id, and the caller's token has the
/// reviewer's name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ReviewDecision {
    /// The verdict: the order may be charged, may not be charged, or is still being reviewed.
    verdict: Verdict,
    /// The handle from the list of pending reviews: an opaque id of the payment's task that waits
    /// for the verdict.
    handle: Handle,
    /// The reviewer's reason. If the order is declined, the customer gets this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    reason: Option<String>,
}

impl ReviewDecision {
    fn example() -> Self {
        let DecideReview { verdict, handle, reason, .. } = DecideReview::sample();
        Self { verdict, handle, reason }
    }
}

/// One page of the reviews that are pending.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct PendingReviews {
    /// The reviews, sorted by order id.
    reviews: Vec<Priced<Review>>,
    /// The value of the query parameter `cursor` that requests the next page; absent on the last
    /// page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `POST /reviews/{order-id}`.
pub(crate) fn decide_review(currency: Currency) -> Route {
    Route::of::<rows::ReviewOrder>(Method::POST, "/reviews/{order-id}", Decide { currency })
        .summary("Approve, decline or take up the review of an order of high value", 200)
        .takes(ReviewDecision::example)
        .answers::<Priced<Review>>()
        .parameters(&[Parameter::KEY])
}

/// `GET /reviews/{order-id}`.
pub(crate) fn get_review(currency: Currency) -> Route {
    Route::read("/reviews/{order-id}", ONLY_REVIEWERS, Get { currency })
        .summary("The review of an order", 200)
        .answers::<Priced<Review>>()
}

/// `GET /reviews`.
pub(crate) fn list_reviews(currency: Currency) -> Route {
    Route::read("/reviews", ONLY_REVIEWERS, List { currency })
        .summary("The reviews that wait for a decision", 200)
        .answers::<PendingReviews>()
        .pages(MAX_PAGE, Values::Identifier)
}

struct Decide {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Decide {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let order_id: OrderId = request.parameter("order-id")?;
        let ReviewDecision { verdict, handle, reason } = request.json()?;
        let reviewer = request.caller_name()?.to_owned();
        let decision = DecideReview { order_id, verdict, reviewer, handle, reason };
        let message = command(kernel, request, &decision)?;
        kernel.run(&ReviewOrder, &message).await?;
        show(kernel, &decision.order_id, self.currency).await
    }
}

struct Get {
    currency: Currency,
}

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("order-id")?, self.currency).await
    }
}

async fn show(
    kernel: &Kernel,
    order_id: &OrderId,
    currency: Currency,
) -> Result<Response, Problem> {
    let found = kernel.find::<Review>(order_id).await?;
    let missing = || Problem::new(404, "not-found", format!("order {order_id} has no review"));
    let review = Priced::new(found.ok_or_else(missing)?.value.shown(), currency);
    Ok(Response::json(200, serde_json::json!(review)))
}

struct List {
    currency: Currency,
}

#[async_trait]
impl Endpoint for List {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let mut query = Query::partition(TABLE.name, PENDING);
        query.index = Some(&PENDING_INDEX);
        query.limit = Some(request.limit(PAGE, MAX_PAGE)?);
        query.start = start(request)?;
        let page = kernel.store.query(&query).await.map_err(Failure::from)?;
        let unreadable = |error| Failure::corrupt("review", &error);
        let reviews: Result<Vec<Review>, _> =
            page.items.into_iter().map(serde_dynamo::from_item).collect();
        let reviews = reviews.map_err(unreadable)?;
        let last = reviews.last().map(|review| review.order_id.to_string());
        let next = last.filter(|_| page.next.is_some());
        let reviews = reviews.into_iter().map(|review| Priced::new(review.shown(), self.currency));
        let page = PendingReviews { reviews: reviews.collect(), next };
        Ok(Response::json(200, serde_json::json!(page)))
    }
}

/// Reads the query parameter `cursor`: the id of the order after which the page starts.
fn start(request: &Request) -> Result<Option<Item>, Problem> {
    let Some(cursor) = request.query.get("cursor") else {
        return Ok(None);
    };
    let unknown = |_| Problem::field(400, "cursor", "must be the `next` of an earlier page");
    let order_id: OrderId = cursor.parse().map_err(unknown)?;
    let mut start = entity_key::<Review>(&order_id).to_item();
    start.insert(PENDING_INDEX.pk.to_owned(), AttributeValue::S(PENDING.to_owned()));
    start.insert(PENDING_INDEX.sk.to_owned(), AttributeValue::S(order_id.into()));
    Ok(Some(start))
}
