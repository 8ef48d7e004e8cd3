//! Every route, called by every kind of caller: both for the caller's own data and for another
//! customer's data.

use std::sync::Arc;

use chorus_events::callers::{OPERATOR, REVIEWER, STAFF};
use chorus_http::{Caller, Callers, Method, Request, Role, Route};
use chorus_kernel::{Kernel, MemoryStore};
use chorus_table::Customers;
use chorus_tests::{Answer, TestShop, order_of, reviewer};
use serde_json::{Value, json};

/// A shop with one order of Ana's that was delivered, and one that waits for a reviewer.
struct PreparedShop {
    test: TestShop,
    delivered: String,
    waiting: String,
}

impl PreparedShop {
    async fn open() -> Self {
        let test = TestShop::open(&["ana", "bob"]).await.unwrap();
        let ring = json!({ "name": "Ring", "price": 1_500, "stock": 9 });
        test.ok("PUT", "/items/ring", ring).await.unwrap();
        test.rest().await.unwrap();
        let delivered = test.order("ana", "chai", 1).await.unwrap();
        test.ended(&delivered).await.unwrap();
        let waiting = test.order("ana", "ring", 1).await.unwrap();
        test.rest().await.unwrap();
        Self { test, delivered, waiting }
    }

    async fn ask(&self, caller: &Caller, route: &Route, number: usize) -> Answer {
        let (path, body) = self.request(route).await;
        let key = format!("{}-{number}", path.replace('/', "-"));
        let method = route.method.as_str();
        self.test.ask_as(caller.clone(), method, &path, Some(&key), &body).await.unwrap()
    }

    /// Returns the path and the body of a request about Ana's data to this route.
    async fn request(&self, route: &Route) -> (String, Value) {
        let Self { delivered, waiting, .. } = self;
        let reading = route.method == Method::GET;
        let (path, body) = match (route.method.as_str(), route.path) {
            ("POST", "/orders") => ("/orders".to_owned(), order_of("ana", "chai", 1)),
            ("GET", "/orders") => ("/orders?customer-id=ana".to_owned(), Value::Null),
            ("GET", "/orders/{id}") => (format!("/orders/{delivered}"), Value::Null),
            ("GET", "/orders/{id}/events") => (format!("/orders/{delivered}/events"), Value::Null),
            ("POST", "/orders/{id}/cancel") => {
                let order = self.test.order("ana", "tofu", 1).await.unwrap();
                (format!("/orders/{order}/cancel"), json!({}))
            }
            ("PUT", "/items/{sku}") => {
                let item = json!({ "name": "Tofu", "price": 23.25, "stock": 35 });
                ("/items/tofu".to_owned(), item)
            }
            ("POST", "/items/{sku}/stock") => {
                ("/items/tofu/stock".to_owned(), json!({ "received": 1 }))
            }
            ("GET", "/items/{sku}") => ("/items/chai".to_owned(), Value::Null),
            ("PUT", "/customers/{id}") => {
                let customer = json!({ "name": "Ana", "email": "ana@example.com" });
                ("/customers/ana".to_owned(), customer)
            }
            // One of Ana's orders waits for a review, so DELETE refuses to forget her.
            ("GET" | "DELETE", "/customers/{id}") => ("/customers/ana".to_owned(), Value::Null),
            ("GET", "/customers/{id}/export") => ("/customers/ana/export".to_owned(), Value::Null),
            ("POST", "/reviews/{order-id}") => {
                let path = format!("/reviews/{waiting}");
                let review = self.test.ok("GET", &path, Value::Null).await.unwrap();
                (path, json!({ "verdict": "take", "handle": review["handle"] }))
            }
            ("GET", "/reviews/{order-id}") => (format!("/reviews/{waiting}"), Value::Null),
            ("GET", "/events") => (format!("/events?order-id={delivered}"), Value::Null),
            ("GET", "/payments/{order-id}") => (format!("/payments/{delivered}"), Value::Null),
            ("GET", "/deliveries/{order-id}") => (format!("/deliveries/{delivered}"), Value::Null),
            ("POST", "/payments/{order-id}/refund") => {
                (format!("/payments/{delivered}/refund"), json!({}))
            }
            ("POST", "/webhooks/logistics" | "/webhooks/address" | "/webhooks/payments") => {
                (route.path.to_owned(), json!({}))
            }
            (_, path) if reading && !path.contains('{') => (path.to_owned(), Value::Null),
            (method, path) => panic!("add a request about Ana's data for {method} {path}"),
        };
        (path, body)
    }
}

fn who(role: Role) -> Caller {
    Caller::with_roles("maria", [role.name])
}

/// Returns the status with which the route rejects a caller's request about Ana's data; `None` if
/// the route accepts the request.
fn refusal(route: &Route, caller: &Caller) -> Option<u16> {
    let Callers::Token { customers, roles } = route.callers else {
        // A partner has to sign its requests, and no caller in this test has a partner's secret.
        return matches!(route.callers, Callers::Partner(_)).then_some(401);
    };
    let (ana, bob) = (Caller::customer("ana"), Caller::customer("bob"));
    match customers {
        _ if caller.name().is_none() => Some(401),
        _ if roles.iter().any(|role| caller.has(*role)) => None,
        Customers::Own if *caller == bob => Some(404),
        Customers::Own if *caller == ana => None,
        Customers::All if *caller == ana || *caller == bob => None,
        _ => Some(403),
    }
}

fn routes() -> Vec<Route> {
    chorus_services::described().into_iter().flat_map(|function| function.routes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_whom_the_table_names_and_nobody_else() {
    let prepared = PreparedShop::open().await;
    let callers = [
        Caller::unknown(),
        Caller::customer("ana"),
        Caller::customer("bob"),
        who(STAFF),
        who(REVIEWER),
        who(OPERATOR),
        Caller::with_roles("ana", ["stranger"]),
    ];
    let mut number = 0;
    for route in routes() {
        for caller in &callers {
            number += 1;
            let answer = prepared.ask(caller, &route, number).await;
            let case = format!("{route:?} for {}, as {caller:?}: {answer:?}", route.callers);
            match refusal(&route, caller) {
                Some(status) => assert_eq!(answer.status, status, "{case}"),
                None => assert!(![401, 403, 404].contains(&answer.status), "{case}"),
            }
        }
    }
    assert_eq!(number, routes().len() * callers.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_is_answered_as_if_it_were_not_there() {
    let prepared = PreparedShop::open().await;
    let bob = || Caller::customer("bob");
    let there = format!("/orders/{}", prepared.delivered);
    for (method, there, missing) in [
        ("GET", there.as_str(), "/orders/1073459984"),
        ("POST", &format!("{there}/cancel"), "/orders/1073459984/cancel"),
        ("GET", "/customers/ana", "/customers/nobody"),
        ("PUT", "/customers/ana", "/customers/nobody"),
    ] {
        let body = match method {
            "PUT" => json!({ "name": "Bob", "email": "bob@example.com" }),
            _ => json!({}),
        };
        let foreign = prepared.test.ask_as(bob(), method, there, None, &body).await.unwrap();
        let missing = prepared.test.ask_as(bob(), method, missing, None, &body).await.unwrap();
        assert_eq!(foreign, missing, "{method} {there}");
        assert_eq!(foreign.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_neither_takes_over_an_address_nor_sets_a_price_nor_unblocks_themselves() {
    let test = TestShop::open(&["ana", "bob"]).await.unwrap();
    let theirs = json!({ "name": "Bob", "email": "bob@example.com" });
    let bob = || Caller::customer("bob");
    let taken = test.ask_as(bob(), "PUT", "/customers/ana", None, &theirs).await.unwrap();
    assert_eq!(taken.status, 404);
    let ana = test.ok("GET", "/customers/ana", Value::Null).await.unwrap();
    assert_eq!(ana["email"], "somebody@example.com");
    let cheap = json!({ "name": "Chai", "price": 0.01, "stock": 39 });
    let price = test.ask_as(bob(), "PUT", "/items/chai", None, &cheap).await.unwrap();
    assert_eq!(price.status, 403);
    let blocked = json!({ "name": "Bob", "email": "bob@example.com", "blocked": true });
    test.ok("PUT", "/customers/bob", blocked.clone()).await.unwrap();
    let answer = test.ask_as(bob(), "PUT", "/customers/bob", None, &blocked).await.unwrap();
    assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (403, &json!("/blocked")));
    let own = test.ask_as(bob(), "PUT", "/customers/bob", None, &theirs).await.unwrap();
    assert_eq!((own.status, &own.body["blocked"]), (200, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_is_who_their_token_says_and_never_the_customer() {
    let prepared = PreparedShop::open().await;
    let path = format!("/reviews/{}", prepared.waiting);
    let handle = prepared.test.ok("GET", &path, Value::Null).await.unwrap()["handle"].clone();
    let approved = json!({ "verdict": "approve", "handle": handle });
    let named = json!({ "verdict": "approve", "handle": handle, "reviewer": "maria" });
    let forged = prepared.test.ask_as(who(REVIEWER), "POST", &path, None, &named).await.unwrap();
    assert_eq!((forged.status, &forged.body["errors"][0]["field"]), (422, &json!("/reviewer")));
    let ana = Caller::with_roles("ana", [REVIEWER.name]);
    let own = prepared.test.ask_as(ana, "POST", &path, None, &approved).await.unwrap();
    assert_eq!(own.status, 409, "{own:?}");
    // This reviewer is Maria, who placed the order for Ana, so the shop refuses the verdict.
    let own = prepared.test.ask_as(who(REVIEWER), "POST", &path, None, &approved).await.unwrap();
    assert_eq!(own.status, 409, "{own:?}");
    let other = prepared.test.ask_as(reviewer(), "POST", &path, None, &approved).await.unwrap();
    assert_eq!((other.status, &other.body["reviewer"]), (200, &json!("rita")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_a_command_is_kept_with_the_event_that_follows_from_it() {
    // The simulated carrier sends no callback about this customer's parcels. So only Maria, who
    // places the order, and the customer give commands.
    let ana = "ana-carrier-silent";
    let test = TestShop::open(&[ana]).await.unwrap();
    let order = test.order(ana, "chai", 1).await.unwrap();
    let cancel = format!("/orders/{order}/cancel");
    let caller = Caller::customer(ana);
    let canceled = test.ask_as(caller, "POST", &cancel, None, &json!({})).await.unwrap();
    assert_eq!(canceled.status, 202, "{canceled:?}");
    test.ended(&order).await.unwrap();
    let path = format!("/events?order-id={order}&limit=1000");
    let log = test.ok("GET", &path, Value::Null).await.unwrap();
    for event in log["events"].as_array().unwrap() {
        let actor = match event["detail-type"].as_str().unwrap() {
            "OrderCreated" => json!("maria"),
            "OrderCanceled" => json!(ana),
            _ => Value::Null,
        };
        assert_eq!(event["metadata"]["actor"], actor, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_else_used_before_is_still_free() {
    let test = TestShop::open(&["ana", "bob"]).await.unwrap();
    let place = async |customer: &str| {
        let (caller, body) = (Caller::customer(customer), order_of(customer, "chai", 1));
        test.ask_as(caller, "POST", "/orders", Some("2026-11-29"), &body).await.unwrap()
    };
    let (bob, ana) = (place("bob").await, place("ana").await);
    assert_eq!((bob.status, ana.status), (201, 201), "{ana:?}");
    assert_ne!(bob.body["order-id"], ana.body["order-id"]);
    assert_eq!(place("ana").await, ana, "the same request again is the same order");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_is_for_operators_and_kept_under_their_name() {
    let test = TestShop::open(&[]).await.unwrap();
    for (caller, status) in [
        (Caller::unknown(), 401),
        (Caller::customer("ana"), 403),
        (who(STAFF), 403),
        (who(REVIEWER), 403),
        (who(OPERATOR), 200),
    ] {
        for (method, path, body) in [
            ("GET", "/operator/dead-letters", &Value::Null),
            ("GET", "/operator/accounts", &Value::Null),
            ("GET", "/operator/recent-events", &Value::Null),
            ("POST", "/operator/projections/rebuild", &Value::Null),
        ] {
            let asked = test.ask_as(caller.clone(), method, path, None, body).await.unwrap();
            assert_eq!(asked.status, status, "{method} {path} as {caller:?}");
        }
    }
    let audit = test.ok("GET", "/operator/audit", Value::Null).await.unwrap();
    assert_eq!(audit[0]["by"], "maria", "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_refusal_does_not_tell_who_is_a_customer_or_has_orders() {
    let test = TestShop::open(&[]).await.unwrap();
    // Every table is missing, so that a route which reads the store fails with a 5xx.
    let store = Arc::new(MemoryStore::new(&[]));
    let kernel = Kernel { store, ..test.shop.local().kernel().clone() };
    for (path, whose) in
        [("/customers/{id}", "id"), ("/customers/{id}/export", "id"), ("/orders", "customer-id")]
    {
        let all = routes();
        let route = all.iter().find(|it| it.path == path && it.method == Method::GET).unwrap();
        let ask = async |caller: &str| {
            let mut request = Request { caller: Caller::customer(caller), ..Request::default() };
            let named = if path.contains('{') { &mut request.path } else { &mut request.query };
            named.insert(whose.to_owned(), "ana".to_owned());
            route.answer(&kernel, request).await.unwrap_err().status
        };
        assert_eq!(ask("bob").await, 404, "{path}");
        assert!(ask("ana").await >= 500, "{path} is read for her");
    }
}
