//! Lets a caller follow an order, in a shop that runs in one process: the route for an order's
//! events can wait for new events, or send them as server-sent events. This module only decides
//! when the route is called again; the route itself returns the events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chorus_http::{MAX_BODY, OpenStream};
use chorus_local::Observation;
use chorus_order::{EVENTS_PATH, MAX_WAIT};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

/// The header with the id of the last event that the caller knows.
const LAST_EVENT_ID: &str = "last-event-id";

/// The route for an order's events is called again after this time, even if no event about the
/// order was observed.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A function that subscribes to the engine's observations.
pub(crate) type Watch = Arc<dyn Fn() -> Receiver<Observation> + Send + Sync>;

/// Returns `api`, in which the route for an order's events can also wait for new events or send
/// them as server-sent events.
pub(crate) fn followed(api: Router, watch: Watch) -> Router {
    api.layer(from_fn(move |request: Request, next: Next| {
        let watch = watch.clone();
        async move {
            let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
            if request.method() != Method::GET || path != Some(EVENTS_PATH) {
                return next.run(request).await;
            }
            follow(Asking::of(request, next), watch()).await
        }
    }))
}

/// A caller's request, with which the route for an order's events is called repeatedly.
struct Asking {
    head: Parts,
    next: Next,
}

struct Answer {
    response: Response,
    body: Value,
}

impl Asking {
    fn of(request: Request, next: Next) -> Self {
        let mut asking = Self { head: request.into_parts().0, next };
        if asking.wants_events() {
            asking.head.headers.remove(header::IF_NONE_MATCH);
        }
        asking
    }

    fn wants_events(&self) -> bool {
        let accepted = self.head.headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
        accepted.is_some_and(|accepted| accepted.contains("text/event-stream"))
    }

    /// Returns the id of the followed order: the segment before the last one in the path.
    fn order(&self) -> String {
        self.head.uri.path().rsplit('/').nth(1).unwrap_or_default().to_owned()
    }

    fn seconds(&self) -> u32 {
        #[derive(Deserialize)]
        struct Asked {
            wait: Option<u32>,
        }
        let asked = Query::<Asked>::try_from_uri(&self.head.uri).ok();
        asked.and_then(|asked| asked.0.wait).unwrap_or(0).min(MAX_WAIT)
    }

    async fn ask(&self) -> Answer {
        let request = Request::from_parts(self.head.clone(), Body::empty());
        let (parts, body) = self.next.clone().run(request).await.into_parts();
        let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { response: Response::from_parts(parts, Body::from(bytes)), body }
    }
}

impl Answer {
    fn is_answered(&self) -> bool {
        self.response.status() == StatusCode::OK
    }

    /// Whether the response contains no new event, and does not say that the order has ended.
    fn has_no_new_events(&self) -> bool {
        let status = self.response.status();
        status == StatusCode::NOT_MODIFIED
            || (self.is_answered() && !self.ended() && self.events().is_empty())
    }

    fn ended(&self) -> bool {
        self.body["ended"] == true
    }

    fn events(&self) -> VecDeque<Value> {
        self.body["events"].as_array().cloned().unwrap_or_default().into()
    }
}

/// Responds to a caller who follows an order.
async fn follow(asking: Asking, mut watched: Receiver<Observation>) -> Response {
    let mut answer = asking.ask().await;
    let (streams, seconds) = (asking.wants_events(), asking.seconds());
    let waits = seconds > 0 && answer.has_no_new_events();
    if !(if streams { answer.is_answered() } else { waits }) {
        return answer.response;
    }
    let open = match OpenStream::of(&asking.head.extensions) {
        Ok(open) => open,
        Err(problem) => return problem.into_response(),
    };
    if streams {
        return open.hold(stream_events(asking, &answer, watched));
    }
    let deadline = Instant::now() + Duration::from_secs(seconds.into());
    let order = asking.order();
    while answer.has_no_new_events() && wait_for_news(&mut watched, &order, deadline).await {
        answer = asking.ask().await;
    }
    answer.response
}

/// Waits until something has happened to the order, or [`LOOKS_AGAIN_AFTER`] has passed. Returns
/// false if the deadline has passed or the engine has stopped.
async fn wait_for_news(
    watched: &mut Receiver<Observation>,
    order: &str,
    deadline: Instant,
) -> bool {
    let look_again = (Instant::now() + LOOKS_AGAIN_AFTER).min(deadline);
    loop {
        match timeout_at(look_again, watched.recv()).await {
            Err(_) => return Instant::now() < deadline,
            Ok(Ok(Observation::Accepted(event))) if event.correlation_id == order => return true,
            Ok(Ok(Observation::Succeeded { step, .. })) if step.event.correlation_id == order => {
                return true;
            }
            Ok(Ok(_)) => {}
            // An observation that this receiver missed may have been about the order.
            Ok(Err(RecvError::Lagged(_))) => return true,
            Ok(Err(RecvError::Closed)) => return false,
        }
    }
}

/// An order whose events are sent as they happen.
struct Followed {
    asking: Asking,
    watched: Receiver<Observation>,
    pending: VecDeque<Value>,
    ended: bool,
}

/// Sends the events of an order until the order has ended. A caller who reconnects after that gets
/// 204, which makes a browser stop reconnecting.
fn stream_events(asking: Asking, first: &Answer, watched: Receiver<Observation>) -> Response {
    let (pending, ended) = (first.events(), first.ended());
    if ended && pending.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let followed = Followed { asking, watched, pending, ended };
    let events = unfold(followed, async |mut followed| {
        let event = followed.next().await?;
        Some((Ok::<_, Infallible>(event), followed))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

impl Followed {
    async fn next(&mut self) -> Option<Event> {
        let order = self.asking.order();
        while self.pending.is_empty() {
            let far = Instant::now() + 2 * LOOKS_AGAIN_AFTER;
            if self.ended || !wait_for_news(&mut self.watched, &order, far).await {
                return None;
            }
            let answer = self.asking.ask().await;
            if !answer.is_answered() {
                return None;
            }
            (self.pending, self.ended) = (answer.events(), answer.ended());
        }
        let event = self.pending.pop_front()?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (id, kind) = (text("id"), text("type"));
        if let Ok(known) = HeaderValue::from_str(&id) {
            self.asking.head.headers.insert(LAST_EVENT_ID, known);
        }
        Some(Event::default().id(id).event(kind).data(event.to_string()))
    }
}
