//! What every page has: its frame, its headers, and the message where there is nothing to show.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use crate::Console;
use crate::api::AskError;

/// No script, style, frame or form but of this origin; pages hold an operator's view of a shop, and
/// are not kept by anybody in between.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Sets the headers that guard a page.
pub(crate) async fn guarded(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What stands around each page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Which shop this is.
    pub(crate) shop: String,
    /// The entry of the menu that the page belongs to.
    pub(crate) here: &'static str,
    /// Guards the forms.
    pub(crate) token: String,
    /// The query of `/console/live` that the page subscribes with.
    pub(crate) follows: String,
    /// What was just done, where a form led here.
    pub(crate) done: Option<&'static str>,
}

impl Frame {
    /// Of a page that is about to be made, and that `follows` a topic; nothing where that is empty.
    /// Events that happen while it is rendered are sent to it afterwards.
    pub(crate) fn of(console: &Console, here: &'static str, follows: &str) -> Self {
        let (shop, token) = (console.shop().to_owned(), console.token().as_str().to_owned());
        let since = console.live().sequence();
        let follows = match follows {
            "" => String::new(),
            topic => format!("topic={topic}&since={since}"),
        };
        Self { shop, here, token, follows, done: None }
    }

    pub(crate) fn with_done(self, done: Option<&str>) -> Self {
        let done = DONE.iter().find(|(code, _)| Some(*code) == done).map(|(_, text)| *text);
        Self { done, ..self }
    }
}

/// The message for a submitted form, by the code in the address: no text is taken from the address.
const DONE: [(&str, &str); 6] = [
    ("approved", "The order is approved: it is charged now."),
    ("declined", "The order is declined: it is being canceled."),
    ("redriven", "The dead letters went to their targets again."),
    ("refund", "The payment provider was asked again for the refund."),
    ("item", "The item is listed."),
    ("placed", "The order is placed; this page follows it."),
];

/// Query parameter `done`: which form was just submitted.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {
    pub(crate) done: Option<String>,
}

/// A page, as an answer.
pub(crate) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    title: String,
    detail: String,
}

/// Why there is no page, as one that a person can read.
#[derive(Debug)]
pub(crate) struct NoPage {
    console: Console,
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl NoPage {
    pub(crate) fn new(
        console: &Console,
        status: StatusCode,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { console: console.clone(), status, title, detail: detail.into() }
    }

    /// Of a question that the shop did not answer.
    pub(crate) fn of(console: &Console) -> impl Fn(AskError) -> Self {
        let console = console.clone();
        move |error| {
            let (status, title) = match &error {
                AskError::Refused { status: 404, .. } => (StatusCode::NOT_FOUND, "Not found"),
                AskError::Refused { status, .. } if *status < 500 => {
                    (StatusCode::BAD_REQUEST, "The shop refuses this")
                }
                _ => (StatusCode::BAD_GATEWAY, "The shop does not answer"),
            };
            Self::new(&console, status, title, error.to_string())
        }
    }

    /// Of a form that no page of this console sent.
    pub(crate) fn foreign(console: &Console) -> Self {
        let detail = "The form was not sent by a page of this console, or the shop was started anew \
                      since the page was opened: go back, reload the page, and send it again.";
        Self::new(console, StatusCode::FORBIDDEN, "Not taken", detail)
    }
}

impl IntoResponse for NoPage {
    fn into_response(self) -> Response {
        let frame = Frame::of(&self.console, "", "");
        let page = FailurePage { frame, title: self.title.to_owned(), detail: self.detail };
        (self.status, render(&page)).into_response()
    }
}
