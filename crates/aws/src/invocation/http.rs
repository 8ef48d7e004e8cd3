//! Answers a request to the HTTP API, in API Gateway's payload format 2.0.
//!
//! Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chorus_http::{LoggedRequest, Method, Problem, Request, Response, Trace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Invocation, Invoker, guard, routing};
use crate::trace;

/// A request in API Gateway's format.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRequest {
    raw_path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The decoded parameters. Several values of one name are joined by commas.
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct RequestContext {
    #[serde(default)]
    stage: Option<String>,
    http: Http,
    /// The claims that the API's authorizer has verified.
    #[serde(default)]
    authorizer: Option<Authorizer>,
}

#[derive(Debug, Clone, Deserialize)]
struct Authorizer {
    #[serde(default)]
    jwt: Option<Jwt>,
}

#[derive(Debug, Clone, Deserialize)]
struct Jwt {
    claims: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Http {
    method: String,
}

impl Invoker {
    /// Answers a request; any failure becomes a response as well.
    pub(super) async fn request(&self, http: HttpRequest, invocation: &Invocation) -> Value {
        let method: Method = http.request_context.http.method.parse().unwrap_or_default();
        let found = routing::find(&self.routes, &method, http.path());
        let asked = match &found {
            Ok((route, path)) => LoggedRequest::of(route, path),
            Err(_) => LoggedRequest::of_path(method.as_str(), http.path()),
        };
        let answered = match found {
            Ok(found) => self.answer(http, found, invocation).await,
            Err(problem) => Err(problem),
        };
        let response = answered.unwrap_or_else(|problem| {
            asked.log(&problem);
            problem.into()
        });
        tracing::Span::current().record("status", response.status);
        tracing::debug!(status = response.status, "{} was answered", asked.route);
        to_json(&response)
    }

    async fn answer(
        &self,
        http: HttpRequest,
        (route, path): routing::Found<'_>,
        invocation: &Invocation,
    ) -> Result<Response, Problem> {
        let template = format!("{} {}", route.method, route.path);
        tracing::Span::current().record("action", template);
        let caller = self.callers.caller(http.claims());
        let mut request = Request { caller, ..http.into_request(path)? };
        carry_trace(&mut request, invocation.xray.as_deref());
        let called = async { Ok(route.answer(&self.kernel, request).await) };
        guard(invocation.give_up_at, called).await?
    }
}

impl HttpRequest {
    /// The path without the name of the API's stage. API Gateway puts the stage's name in front of
    /// the path, unless the stage is `$default`.
    fn path(&self) -> &str {
        let stage = self.request_context.stage.as_deref().unwrap_or("$default");
        let within = self.raw_path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
        within.filter(|path| path.starts_with('/')).unwrap_or(&self.raw_path)
    }

    /// The claims of the caller's token, if the API requires one and has verified it.
    fn claims(&self) -> Option<&BTreeMap<String, Value>> {
        let jwt = self.request_context.authorizer.as_ref()?.jwt.as_ref()?;
        Some(&jwt.claims)
    }

    fn into_request(self, path: BTreeMap<String, String>) -> Result<Request, Problem> {
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded {
            BASE64_STANDARD.decode(body).map_err(|error| {
                Problem::new(400, "malformed", format!("the body must be base64: {error}"))
            })?
        } else {
            body.into_bytes()
        };
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Request {
            path,
            query: self.query_string_parameters.unwrap_or_default(),
            headers: self.headers.into_iter().map(lower).collect(),
            body,
            ..Request::default()
        })
    }
}

/// Sets the request's header `traceparent` to the caller's value, or to a value derived from
/// X-Ray's header. If neither is valid, removes the header.
fn carry_trace(request: &mut Request, xray: Option<&str>) {
    let given = request.header("traceparent").and_then(Trace::parse);
    let from_xray = || [xray, request.header("x-amzn-trace-id")].into_iter().flatten();
    let trace = given.or_else(|| from_xray().find_map(trace::from_xray));
    request.headers.remove("traceparent");
    if let Some(trace) = trace {
        tracing::Span::current().record("trace_id", &trace.id);
        request.headers.insert("traceparent".to_owned(), trace.to_string());
    }
}

fn to_json(response: &Response) -> Value {
    let mut headers: BTreeMap<&str, &str> =
        response.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.insert("content-type", response.content_type);
    json!({
        "statusCode": response.status,
        "headers": headers,
        "body": response.text(),
        "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, invocation};
    use super::*;
    use crate::logs::testing::Logged;

    const TRACEPARENT: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn request(method: &str, path: &str) -> Value {
        json!({
            "version": "2.0", "rawPath": path, "headers": { "X-Odd-Case": "kept" },
            "queryStringParameters": { "limit": "3" },
            "requestContext": { "stage": "$default", "http": { "method": method, "path": path } },
            "isBase64Encoded": false,
        })
    }

    /// The response, and its body as JSON.
    async fn answered(request: &Value) -> (Value, Value) {
        let shop = Shop::default();
        let response = shop.invoker().invoke(&request.to_string(), &invocation()).await.unwrap();
        let body = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        (response, body)
    }

    #[tokio::test]
    async fn a_request_reaches_its_route_with_all_that_it_carries() {
        let mut put = request("PUT", "/echo/ch%C3%A4i");
        put["body"] = json!("aGFsbG8=");
        put["isBase64Encoded"] = json!(true);
        let (response, body) = answered(&put).await;
        assert_eq!(response["statusCode"], 200);
        assert_eq!(response["headers"]["content-type"], "application/json");
        assert_eq!(body["path"], json!({ "name": "chäi" }));
        assert_eq!(body["query"], json!({ "limit": "3" }));
        assert_eq!(body["headers"]["x-odd-case"], "kept");
        assert_eq!(body["body"], "hallo");
    }

    #[tokio::test]
    async fn a_stage_is_no_part_of_the_path() {
        let mut staged = request("PUT", "/dev/echo/chai");
        staged["requestContext"]["stage"] = json!("dev");
        assert_eq!(answered(&staged).await.1["path"], json!({ "name": "chai" }));
        let (missing, _) = answered(&request("PUT", "/dev/echo/chai")).await;
        assert_eq!(missing["statusCode"], 404);
    }

    #[tokio::test]
    async fn what_goes_wrong_is_a_problem_with_its_media_type() {
        let mut broken = request("PUT", "/echo/chai");
        broken["body"] = json!("not base64!");
        broken["isBase64Encoded"] = json!(true);
        let wrong = [
            (request("GET", "/nowhere"), 404),
            (request("DELETE", "/echo/chai"), 405),
            (broken, 400),
            (request("PUT", "/echo/missing"), 404),
            (request("PUT", "/echo/panic"), 503),
        ];
        for (request, status) in wrong {
            let (response, body) = answered(&request).await;
            assert_eq!(response["statusCode"], status, "{request}");
            assert_eq!(response["headers"]["content-type"], "application/problem+json");
            assert_eq!(body["status"], status);
            assert!(!response.to_string().contains("on purpose"), "a panic's text stays inside");
        }
    }

    #[tokio::test]
    async fn what_an_operator_should_know_of_is_one_warning_without_a_body_or_a_query() {
        for (method, path, status, order) in [
            ("PUT", "/echo/panic", 503, Value::Null),
            ("GET", "/private/order-1", 401, json!("order-1")),
        ] {
            let mut asked = request(method, path);
            asked["body"] = json!("Obere Str. 57");
            let logged = Logged::default();
            let guard = logged.begin();
            assert_eq!(answered(&asked).await.0["statusCode"], status);
            drop(guard);
            let lines = logged.lines();
            let warnings: Vec<Value> = lines
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .filter(|line: &Value| line["level"] == "WARN")
                .collect();
            let [warning] = &warnings[..] else { panic!("{path}: {lines:#?}") };
            assert_eq!((&warning["status"], &warning["correlation_id"]), (&json!(status), &order));
            assert!(warning["route"].as_str().unwrap().ends_with('}'), "{warning}");
            assert!(warning["code"].is_string(), "{warning}");
            assert!(!lines.concat().contains("Obere"), "{lines:#?}");
        }
        let logged = Logged::default();
        let guard = logged.begin();
        answered(&request("PUT", "/echo/missing")).await;
        drop(guard);
        assert!(
            logged.lines().is_empty(),
            "a caller's mistake is the caller's: {:?}",
            logged.lines()
        );
    }

    #[tokio::test]
    async fn a_trace_is_carried_on_or_begun_where_xray_began_it() {
        let mut given = request("PUT", "/echo/chai");
        given["headers"]["traceparent"] = json!(TRACEPARENT);
        assert_eq!(answered(&given).await.1["headers"]["traceparent"], TRACEPARENT);
        let mut begun = request("PUT", "/echo/chai");
        begun["headers"]["X-Amzn-Trace-Id"] = json!(XRAY);
        assert_eq!(answered(&begun).await.1["headers"]["traceparent"], TRACEPARENT);
        let mut broken = request("PUT", "/echo/chai");
        broken["headers"]["traceparent"] = json!("nonsense");
        assert_eq!(answered(&broken).await.1["headers"].get("traceparent"), None);
    }
}
