//! Access control of an application on one machine. Callers are identified by a token, or because
//! the request comes from this machine. Requests that a browser on this machine sends for a page of
//! another origin are rejected, unless the application admits that origin.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, ETAG, HOST, IF_MATCH, IF_NONE_MATCH, LOCATION, ORIGIN,
    RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use tower_http::cors::CorsLayer;

use crate::server::into_http;
use crate::streams::Expiry;
use crate::{Caller, LoggedRequest, Problem, TokenKey};

/// The cookie with the token of a user who has signed in on a page of the application.
pub const SESSION_COOKIE: &str = "chorus-token";

/// Headers that a proxy adds to a request that it forwards. Such a request is not trusted: behind a
/// proxy on this machine, every request seems to come from this machine.
const FORWARDED: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
];

/// Decides whom the application serves, and as which caller.
#[derive(Debug, Clone)]
pub struct Gate {
    /// The key that verifies tokens; if `None`, every token is rejected.
    pub tokens: Option<TokenKey>,
    /// The caller of requests that come from within the process without a token. A token with the
    /// name of this caller is rejected.
    pub within: Caller,
    /// The caller of requests that come from this machine without a token; [`Caller::unknown`]
    /// where tokens are required.
    pub from_here: Caller,
    /// Origins, beside the application's own, whose pages may send requests. These requests need a
    /// token.
    pub origins: Vec<HeaderValue>,
    /// The path of the application's own pages. The session cookie identifies a user only at this
    /// path and below it.
    pub pages: Option<&'static str>,
}

/// The caller of a request that is served.
struct Admission {
    caller: Caller,
    /// The time at which the caller's token expires; `None` without a token.
    until: Option<Expiry>,
}

impl From<Caller> for Admission {
    fn from(caller: Caller) -> Self {
        Self { caller, until: None }
    }
}

impl Gate {
    /// A gate that treats a request from this machine as a request of `caller` if the request has
    /// no token.
    #[must_use]
    pub fn with_local_caller(caller: Caller) -> Self {
        let (within, from_here) = (caller.clone(), caller);
        Self { tokens: None, within, from_here, origins: Vec::new(), pages: None }
    }

    /// Protects `router`. The server has to provide the peer's address, as
    /// `into_make_service_with_connect_info` does. A request without a peer address counts as
    /// coming from within the process.
    pub fn guard(self, router: Router) -> Router {
        let cors = CorsLayer::new()
            .allow_origin(self.origins.clone())
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                IF_MATCH,
                IF_NONE_MATCH,
                HeaderName::from_static("idempotency-key"),
                HeaderName::from_static("last-event-id"),
            ])
            .expose_headers([ETAG, LOCATION, RETRY_AFTER]);
        let gate = Arc::new(self);
        router
            .layer(from_fn(move |mut request: Request, next: Next| {
                let admitted = gate.admit(&request);
                let asked = LoggedRequest::of_path(request.method().as_str(), request.uri().path());
                async move {
                    match admitted {
                        Ok(Admission { caller, until }) => {
                            request.extensions_mut().insert(caller);
                            if let Some(until) = until {
                                request.extensions_mut().insert(until);
                            }
                            next.run(request).await
                        }
                        Err(problem) => {
                            asked.log(&problem);
                            into_http(problem.into())
                        }
                    }
                }
            }))
            .layer(cors)
    }

    fn admit(&self, request: &Request) -> Result<Admission, Problem> {
        let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
            // Without a peer address, the request comes from within the process: the code that
            // sends it may set the caller itself.
            let stated = request.extensions().get::<Caller>();
            return Ok(stated.unwrap_or(&self.within).clone().into());
        };
        let headers = request.headers();
        self.check_host(headers)?;
        self.check_origin(headers, request.method())?;
        if let Some(authorization) = headers.get(AUTHORIZATION) {
            return self.by_token(authorization);
        }
        // A page of another origin needs a token, even if `origins` contains the page's origin: a
        // cookie identifies the caller only of requests from the application's own pages.
        let own_origin = headers.get(ORIGIN).is_none_or(|origin| is_own(headers, origin));
        if own_origin
            && self.is_page(request.uri().path())
            && let Some(admission) = self.by_cookie(headers)
        {
            return Ok(admission);
        }
        let forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
        let trusted = own_origin && peer.ip().is_loopback() && !forwarded;
        Ok(if trusted { self.from_here.clone() } else { Caller::unknown() }.into())
    }

    /// Whether `path` is one of the application's own pages.
    fn is_page(&self, path: &str) -> bool {
        let below = self.pages.and_then(|pages| path.strip_prefix(pages));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Rejects requests whose `Host` is not this machine. In an attack by DNS rebinding, a foreign
    /// domain resolves to this machine, and the browser sends that domain as `Host`.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        };
        if matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
            return Ok(());
        }
        let why = "Host must be localhost, 127.0.0.1 or [::1]: this server serves no other host";
        Err(Problem::new(403, "host", why))
    }

    /// Rejects requests from pages of other origins. A browser sends a form from one of these pages
    /// without a preflight request, but with the page's origin.
    fn check_origin(&self, headers: &HeaderMap, method: &Method) -> Result<(), Problem> {
        let refused = || {
            let why = "a page of another origin may call this API only if --cors names that origin";
            Err(Problem::new(403, "origin", why))
        };
        if let Some(origin) = headers.get(ORIGIN) {
            let known = is_own(headers, origin) || self.origins.contains(origin);
            return if known { Ok(()) } else { refused() };
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let elsewhere = matches!(site, Some(b"cross-site" | b"same-site"));
        if elsewhere && !method.is_safe() { refused() } else { Ok(()) }
    }

    /// The caller whom the session cookie names; `None` if the request has no session cookie, or
    /// the cookie's token is not valid.
    fn by_cookie(&self, headers: &HeaderMap) -> Option<Admission> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?.split(';');
        let token = cookies
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))?;
        self.verified(self.tokens.as_ref()?, token).ok()
    }

    fn by_token(&self, authorization: &HeaderValue) -> Result<Admission, Problem> {
        let refused = |why: &str| Problem::new(401, "unauthorized", why);
        let text = authorization
            .to_str()
            .map_err(|_| refused("the header Authorization must be visible ASCII"))?;
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused("a token must be sent as Authorization: Bearer …"));
        }
        let tokens =
            self.tokens.as_ref().ok_or_else(|| refused("this server accepts no tokens"))?;
        self.verified(tokens, token.trim())
    }

    /// The caller of a request with this token. A token with the name of the caller `within` is
    /// rejected: that caller is trusted without a token, and no person has that name.
    fn verified(&self, tokens: &TokenKey, token: &str) -> Result<Admission, Problem> {
        let (caller, expires) = tokens.verify_with_expiry(token)?;
        let is_trusted =
            |trusted: &str| caller.name().is_some_and(|name| name.eq_ignore_ascii_case(trusted));
        if self.within.name().is_some_and(is_trusted) {
            let why = "the token must not name the caller that is trusted without a token";
            return Err(Problem::new(401, "unauthorized", why));
        }
        Ok(Admission { caller, until: Some(Expiry(expires)) })
    }
}

/// Whether `origin` is the application's own: `http` or `https` with the request's `Host`.
fn is_own(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = host.map(|host| [format!("http://{host}"), format!("https://{host}")]);
    own.is_some_and(|own| own.iter().any(|own| own.as_bytes() == origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn name(caller: axum::Extension<Caller>) -> String {
        caller.name().unwrap_or("nobody").to_owned()
    }

    fn gate() -> Gate {
        let here = Caller::with_roles("here", ["staff"]);
        let origins = vec![HeaderValue::from_static("https://shop.example")];
        let (tokens, pages) = (Some(TokenKey::random().unwrap()), Some("/pages"));
        Gate { tokens, origins, pages, ..Gate::with_local_caller(here) }
    }

    /// Sends a request with these headers from this address. Returns the status and the caller's
    /// name.
    async fn called(gate: &Gate, from: &str, headers: &[(&str, &str)]) -> (u16, String) {
        called_at("/", gate, from, headers).await
    }

    async fn called_at(
        path: &str,
        gate: &Gate,
        from: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        let router = Router::new().fallback(name);
        let peer: SocketAddr = from.parse().unwrap();
        let mut request = axum::http::Request::post(path).extension(ConnectInfo(peer));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = gate.clone().guard(router).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_page_that_somebody_signed_in_on_calls_by_its_cookie_while_the_token_is_good() {
        let gate = Gate { from_here: Caller::unknown(), ..gate() };
        let key = gate.tokens.clone().unwrap();
        let token = key.mint(&Caller::with_roles("olga", ["operator"])).unwrap();
        let by = |cookie: String| {
            let gate = gate.clone();
            async move {
                let headers = [LOCALHOST, ("cookie", &cookie)];
                called_at("/pages/one", &gate, HERE, &headers).await.1
            }
        };
        assert_eq!(by(format!("theme=dark; {SESSION_COOKIE}={token}")).await, "olga");
        assert_eq!(by(format!("{SESSION_COOKIE}=nonsense")).await, "nobody");
        assert_eq!(by(format!("other={token}")).await, "nobody");
        let cookie = format!("{SESSION_COOKIE}={token}");
        let signed_in = [LOCALHOST, ("cookie", &cookie)];
        for elsewhere in ["/", "/orders", "/pagesbeside"] {
            assert_eq!(called_at(elsewhere, &gate, HERE, &signed_in).await.1, "nobody");
        }
        let foreign = [LOCALHOST, ("cookie", &cookie), ("origin", "https://shop.example")];
        assert_eq!(called_at("/pages", &gate, HERE, &foreign).await.1, "nobody");
    }

    #[tokio::test]
    async fn a_page_of_another_origin_that_was_named_still_needs_a_token() {
        let gate = gate();
        let foreign = [LOCALHOST, ("origin", "https://shop.example")];
        assert_eq!(called(&gate, HERE, &foreign).await, (200, "nobody".to_owned()));
        let own = [LOCALHOST, ("origin", "http://localhost:3000")];
        assert_eq!(called(&gate, HERE, &own).await, (200, "here".to_owned()));
        let token = gate.tokens.as_ref().unwrap().mint(&Caller::customer("ana")).unwrap();
        let bearer = format!("Bearer {token}");
        let with_token = [foreign[0], foreign[1], ("authorization", &bearer)];
        assert_eq!(called(&gate, HERE, &with_token).await, (200, "ana".to_owned()));
    }

    #[tokio::test]
    async fn no_token_has_the_name_of_the_caller_who_needs_none() {
        let gate = gate();
        for name in ["here", "HERE"] {
            let token = Caller::with_roles(name, ["reviewer"]);
            let token = gate.tokens.as_ref().unwrap().mint(&token).unwrap();
            let bearer = format!("Bearer {token}");
            let headers = [LOCALHOST, ("authorization", bearer.as_str())];
            assert_eq!(called(&gate, HERE, &headers).await.0, 401, "{name}");
        }
    }

    const HERE: &str = "127.0.0.1:50000";
    const LOCALHOST: (&str, &str) = ("host", "localhost:3000");

    #[tokio::test]
    async fn a_call_from_this_machine_is_trusted_unless_tokens_are_required() {
        let gate = gate();
        assert_eq!(called(&gate, HERE, &[LOCALHOST]).await, (200, "here".to_owned()));
        let strict = Gate { from_here: Caller::unknown(), ..gate.clone() };
        assert_eq!(called(&strict, HERE, &[LOCALHOST]).await.1, "nobody");
        assert_eq!(called(&gate, "192.0.2.7:50000", &[LOCALHOST]).await.1, "nobody");
        for name in FORWARDED {
            let proxied = [LOCALHOST, (name, "192.0.2.7")];
            assert_eq!(called(&gate, HERE, &proxied).await.1, "nobody", "{name}");
        }
    }

    #[tokio::test]
    async fn a_token_says_who_calls_and_a_bad_one_is_never_overlooked() {
        let gate = gate();
        let token = gate.tokens.as_ref().unwrap().mint(&Caller::customer("ana")).unwrap();
        let bearer = format!("Bearer {token}");
        let good = [LOCALHOST, ("authorization", bearer.as_str())];
        assert_eq!(called(&gate, HERE, &good).await, (200, "ana".to_owned()));
        for bad in ["Bearer nonsense", "Bearer", "Basic YTpi", ""] {
            assert_eq!(
                called(&gate, HERE, &[LOCALHOST, ("authorization", bad)]).await.0,
                401,
                "{bad}"
            );
        }
        let closed = Gate { tokens: None, ..gate };
        assert_eq!(called(&closed, HERE, &good).await.0, 401);
    }

    #[tokio::test]
    async fn a_name_that_was_made_to_mean_this_machine_is_refused() {
        let gate = gate();
        for host in
            ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.nip.io", ""]
        {
            assert_eq!(called(&gate, HERE, &[("host", host)]).await.0, 403, "{host}");
        }
        assert_eq!(called(&gate, HERE, &[]).await.0, 403);
        for host in ["localhost", "127.0.0.1:3000", "[::1]:3000", "[::1]"] {
            assert_eq!(called(&gate, HERE, &[("host", host)]).await.0, 200, "{host}");
        }
    }

    #[tokio::test]
    async fn a_form_of_another_page_is_refused_unless_its_origin_was_named() {
        let gate = gate();
        for origin in ["https://evil.example", "null", "http://localhost:4000"] {
            assert_eq!(
                called(&gate, HERE, &[LOCALHOST, ("origin", origin)]).await.0,
                403,
                "{origin}"
            );
        }
        for origin in ["https://shop.example", "http://localhost:3000"] {
            assert_eq!(
                called(&gate, HERE, &[LOCALHOST, ("origin", origin)]).await.0,
                200,
                "{origin}"
            );
        }
        let without = [LOCALHOST, ("sec-fetch-site", "cross-site")];
        assert_eq!(called(&gate, HERE, &without).await.0, 403);
    }

    #[tokio::test]
    async fn a_browser_is_told_which_pages_may_call() {
        let router = || gate().guard(Router::new().route("/", get(name)));
        let asked = |origin: &'static str| {
            let request = axum::http::Request::options("/").header("host", "localhost:3000");
            request
                .extension(ConnectInfo(HERE.parse::<SocketAddr>().unwrap()))
                .header("origin", origin)
                .header("access-control-request-method", "PUT")
                .body(Body::empty())
                .unwrap()
        };
        let allowed = router().oneshot(asked("https://shop.example")).await.unwrap();
        assert_eq!(allowed.headers()["access-control-allow-origin"], "https://shop.example");
        let refused = router().oneshot(asked("https://evil.example")).await.unwrap();
        assert!(refused.headers().get("access-control-allow-origin").is_none());
    }
}
