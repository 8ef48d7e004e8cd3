//! A router over the services' routes: whatever comes in, a JSON answer goes out.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, Request as HttpRequest};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{MethodFilter, MethodRouter, on};
use chorus_kernel::{Function, Kernel, Method, Problem, Request, Response, Route};

use crate::openapi;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 1_000_000;

/// The routes of `functions`, answered with `kernel`, and `GET /openapi.json`.
pub fn router(kernel: &Kernel, functions: &[Function]) -> Router {
    let routes: Vec<Route> =
        functions.iter().flat_map(|function| function.routes.clone()).collect();
    let document = openapi(&routes);
    let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for route in routes {
        let methods = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, methods.merge(method_router(route, kernel.clone())));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods);
    }
    router
        .route("/openapi.json", axum::routing::get(move || async move { axum::Json(document) }))
        .fallback(|uri: Uri| async move {
            let detail = format!("there is nothing at {}; see /openapi.json", uri.path());
            into_http(Problem::new(404, "not-found", detail).into())
        })
        .method_not_allowed_fallback(|| async {
            into_http(Problem::new(405, "method", "this path answers to another method").into())
        })
}

fn method_router(route: Route, kernel: Kernel) -> MethodRouter {
    // The routes are our own; one of another method would be found by the first test of it.
    let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
    let reads_body = route.method != Method::GET;
    on(filter, async move |parameters: RawPathParams, request: HttpRequest| {
        let answer = match read(&parameters, request, reads_body).await {
            Ok(request) => route.endpoint.call(&kernel, &request).await,
            Err(problem) => Err(problem),
        };
        into_http(answer.unwrap_or_else(|problem| {
            if problem.status >= 500 {
                tracing::error!(route = ?route, status = problem.status, "{:?}", problem.detail);
            }
            problem.into()
        }))
    })
}

async fn read(
    parameters: &RawPathParams,
    request: HttpRequest,
    reads_body: bool,
) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let body = if reads_body { read_body(&parts.headers, body).await? } else { Vec::new() };
    let query = axum::extract::Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri)
        .map_err(|error| Problem::new(400, "malformed", format!("the query: {error}")))?;
    Ok(Request {
        path: parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        query: query.0,
        headers: headers(&parts.headers)?,
        body,
    })
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {MAX_BODY} bytes");
        Problem::new(413, "too-large", detail)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > MAX_BODY)
    {
        return Err(too_large());
    }
    to_bytes(body, MAX_BODY).await.map(Into::into).map_err(|_| too_large())
}

fn headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Problem> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let unreadable = |_| Problem::field(400, name.as_str(), "must be visible ASCII");
        Ok((name.as_str().to_owned(), value.to_str().map_err(unreadable)?.to_owned()))
    };
    let relevant = |(name, _): &(&HeaderName, &HeaderValue)| {
        matches!(name.as_str(), "idempotency-key" | "traceparent")
            || name.as_str().starts_with("x-")
    };
    headers.iter().filter(relevant).map(text).collect()
}

fn into_http(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = (status, response.body.to_string()).into_response();
    http.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            http.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    http
}
