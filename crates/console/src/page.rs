//! The parts that all pages share: frame, headers, and the page for failures.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use crate::Console;
use crate::api::AskError;

/// A page uses scripts, styles and images of this origin only, and sends forms to this origin only.
/// No page can be shown in a frame. Caches may not store a page, because the page shows an
/// operator's view of a shop.
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

/// Adds the headers that protect a page.
pub(crate) async fn guarded(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The parts around the content of each page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The shop's title.
    pub(crate) shop: String,
    /// The current entry of the menu.
    pub(crate) here: &'static str,
    /// The token that proves that a form was sent by a page of this console.
    pub(crate) token: String,
    /// The query of `/console/live` with which the page subscribes to updates; empty for a page
    /// without updates.
    pub(crate) follows: String,
    /// The message for a form that was just submitted.
    pub(crate) done: Option<&'static str>,
}

impl Frame {
    /// Makes the frame of a page that subscribes to the topic `follows`; empty means no
    /// subscription. Make the frame before reading the page's data: updates that happen after this
    /// call are sent to the page.
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

/// The messages for submitted forms, by code. The URL has only the code, so that a forged link
/// cannot put a text of its own on a page.
const DONE: [(&str, &str); 6] = [
    ("approved", "The order is approved: it is charged now."),
    ("declined", "The order is declined: it is being canceled."),
    ("redriven", "The dead letters were sent to their targets again."),
    ("refund", "The payment provider was asked again for the refund."),
    ("item", "The item is listed."),
    ("placed", "The order is placed; this page follows it."),
];

/// `?done=CODE`: which message of `DONE` the page shows after a form was submitted.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {
    pub(crate) done: Option<String>,
}

/// Renders a page as a response.
pub(crate) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console cannot be rendered");
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

/// A page that explains why the requested page cannot be shown.
#[derive(Debug)]
pub(crate) struct ErrorPage {
    console: Console,
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl ErrorPage {
    pub(crate) fn new(
        console: &Console,
        status: StatusCode,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { console: console.clone(), status, title, detail: detail.into() }
    }

    /// Returns a function that makes the page for a failed request to the shop's API.
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

    /// The rejection of a form that was not sent by a page of this console.
    pub(crate) fn foreign_form(console: &Console) -> Self {
        let detail = "The form was not sent by a page of this console, or the shop was restarted \
                      since the page was opened: go back, reload the page, and send the form \
                      again.";
        Self::new(console, StatusCode::FORBIDDEN, "Form rejected", detail)
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let frame = Frame::of(&self.console, "", "");
        let page = FailurePage { frame, title: self.title.to_owned(), detail: self.detail };
        (self.status, render(&page)).into_response()
    }
}
