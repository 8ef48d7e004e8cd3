//! What stands at `/`: which routes there are, for whoever opens the address in a browser or asks
//! it with `curl`.

use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use chorus_kernel::Route;

/// A page for a browser, and the same as text for everybody else.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    html: String,
    text: String,
}

impl Home {
    /// Lists `routes`.
    pub(crate) fn of(routes: &[Route]) -> Self {
        let mut lines: Vec<(&str, String, &str)> = routes
            .iter()
            .map(|route| (route.path, route.method.to_string(), route.summary))
            .collect();
        lines.sort();
        Self { html: html(&lines), text: text(&lines) }
    }

    /// The one that the caller wants.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
            return Html(self.html.clone()).into_response();
        }
        self.text.clone().into_response()
    }
}

fn text(lines: &[(&str, String, &str)]) -> String {
    let mut text =
        "Chorus: an order-management backend whose services never call each other.\n\n".to_owned();
    for (path, method, summary) in lines {
        text.push_str(&format!("{method:<5} {path:<24} {summary}\n"));
    }
    text.push_str("\nAll of it, as OpenAPI 3.1: /openapi.json\n");
    text
}

fn html(lines: &[(&str, String, &str)]) -> String {
    let row = |(path, method, summary): &(&str, String, &str)| {
        format!("<tr><td>{method}</td><td><code>{path}</code></td><td>{summary}</td></tr>\n")
    };
    let rows: String = lines.iter().map(row).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Chorus</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;\
         padding:0 1rem;color-scheme:light dark}}td{{padding:.2rem 1rem .2rem 0;\
         vertical-align:top}}</style>\n<h1>Chorus</h1>\n<p>An order-management backend whose \
         services never call each other: they listen to events on one bus, and answer with \
         events.</p>\n<table>\n{rows}</table>\n<p>All of it, as OpenAPI 3.1: \
         <a href=\"/openapi.json\">/openapi.json</a>. What an order went through: \
         <code>chorus trace ORDER</code>.</p>\n</html>\n"
    )
}
