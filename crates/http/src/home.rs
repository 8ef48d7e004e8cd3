//! The response at `/`: a list of the routes, for a browser or for `curl`.

use crate::{ApiInfo, Route};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

/// The list of routes, as a page for browsers and as text for other clients. If the application has
/// other pages, browsers are redirected to them.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pages: Option<&'static str>,
    html: String,
    text: String,
}

impl Home {
    /// Lists `routes`.
    pub(crate) fn of(info: ApiInfo, routes: &[Route]) -> Self {
        let mut lines: Vec<(&str, String, &str)> = routes
            .iter()
            .map(|route| (route.path, route.method.to_string(), route.summary))
            .collect();
        lines.sort();
        Self { pages: info.pages, html: html(info, &lines), text: text(info, &lines) }
    }

    /// Responds with the page if the caller accepts HTML, and otherwise with the text.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
            return match self.pages {
                Some(pages) => Redirect::temporary(pages).into_response(),
                None => Html(self.html.clone()).into_response(),
            };
        }
        self.text.clone().into_response()
    }
}

fn text(info: ApiInfo, lines: &[(&str, String, &str)]) -> String {
    let mut text = format!("{}: {}\n\n", info.title, info.description);
    for (path, method, summary) in lines {
        text.push_str(&format!("{method:<5} {path:<24} {summary}\n"));
    }
    text.push_str("\nAll of it, as OpenAPI 3.1: /openapi.json\n");
    text
}

fn html(info: ApiInfo, lines: &[(&str, String, &str)]) -> String {
    let ApiInfo { title, description, hint, .. } = info;
    let row = |(path, method, summary): &(&str, String, &str)| {
        format!("<tr><td>{method}</td><td><code>{path}</code></td><td>{summary}</td></tr>\n")
    };
    let rows: String = lines.iter().map(row).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;\
         padding:0 1rem;color-scheme:light dark}}td{{padding:.2rem 1rem .2rem 0;\
         vertical-align:top}}</style>\n<h1>{title}</h1>\n<p>{description}</p>\n<table>\n{rows}</table>\n<p>All of it, as OpenAPI 3.1: \
         <a href=\"/openapi.json\">/openapi.json</a>. {hint}</p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::HeaderValue;

    #[tokio::test]
    async fn a_browser_is_answered_with_a_page_and_everybody_else_with_text() {
        let info = ApiInfo {
            title: "Desk",
            description: "A desk.",
            hint: "",
            version: "1",
            pages: None,
            webhooks: &[],
        };
        let home = Home::of(info, &[]);
        for (accept, begins) in [("text/html,*/*", "<!doctype html>"), ("*/*", "Desk: A desk.")] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            let body = to_bytes(home.answer(&headers).into_body(), 100_000).await.unwrap();
            assert!(body.starts_with(begins.as_bytes()), "{body:?}");
            assert!(String::from_utf8_lossy(&body).contains("/openapi.json"));
        }
    }
}
