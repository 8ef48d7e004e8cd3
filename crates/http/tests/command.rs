//! A route that runs an action on a command, whose fields come from the body and the path.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_http::{Method, Problem, Request, Response, Route};
use chorus_kernel::testing::{expect_ready, keyring};
use chorus_kernel::{
    Action, Breakers, Clock, Context, Decided, Decision, Failure, IDEMPOTENCY_TABLE, Input, Kernel,
    MemoryStore, NoMachines, Publisher, Rejected,
};
use chorus_table::{Entry, sample_time};
use jiff::Timestamp;

mod services {
    chorus_table::services! {
        /// Opens doors.
        DOORS: "doors", "Doors", "org.doors";
    }
}

mod commands {
    chorus_table::event! {
        /// Open a door.
        OpenDoor: chorus_table::Owner::Service(super::services::DOORS), Command, about door, {
            door: String = "front".to_owned(),
            keys: u32 = 1,
        }
    }
}

mod facts {
    chorus_table::event! {
        /// A door is open.
        DoorOpened: chorus_table::Owner::Service(super::services::DOORS), End, about door, {
            door: String = "front".to_owned(),
        }
    }
}

chorus_table::design_table! {
    /// Opens a door.
    OpenDoor: DOORS api [OpenDoor] => [DoorOpened]
        .records().callers(chorus_table::Callers::Anyone);
}

struct OpenDoor;

impl Action for OpenDoor {
    type Row = rows::OpenDoor;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        let rows::OpenDoorInput::OpenDoor(it) = input;
        Ok(Decision::emit(facts::DoorOpened { door: it.door.clone() }))
    }
}

/// A bus that accepts every event, and a clock that does not advance.
struct Quiet;

#[async_trait]
impl Publisher for Quiet {
    async fn put_events(&self, _: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Clock for Quiet {
    fn now(&self) -> Timestamp {
        sample_time()
    }

    async fn sleep(&self, _: Duration) {}
}

fn ask(body: &str) -> Result<Response, Problem> {
    let route =
        Route::command::<commands::OpenDoor, _>(Method::PUT, "/doors/{door}", 201, OpenDoor);
    assert_eq!((route.summary, route.success), ("Open a door", 201));
    let path = [("door".to_owned(), "back".to_owned())].into();
    let request = Request { path, body: body.as_bytes().to_vec(), ..Request::default() };
    expect_ready(route.answer(&kernel(), request))
}

fn kernel() -> Kernel {
    Kernel {
        store: Arc::new(MemoryStore::new(&[IDEMPOTENCY_TABLE])),
        bus: Arc::new(Quiet),
        machines: Arc::new(NoMachines),
        clock: Arc::new(Quiet),
        breakers: Breakers::default(),
        keyring: keyring(),
        region: None,
    }
}

#[test]
fn fields_come_from_the_path_and_from_the_body_and_the_answer_is_the_command() {
    let answer = ask(r#"{ "keys": 2 }"#).unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, serde_json::json!({ "door": "back", "keys": 2 }));
}

#[test]
fn a_field_that_neither_has_is_named() {
    let problem = ask("").unwrap_err();
    assert_eq!(problem.status, 422);
    assert!(format!("{problem:?}").contains("keys"), "{problem:?}");
}

#[test]
fn a_traceparent_is_carried_on_and_any_other_text_in_its_header_is_not() {
    let sample: commands::OpenDoor = chorus_table::Event::sample();
    let carried = |header: &str| {
        let headers = [("traceparent".to_owned(), header.to_owned())].into();
        let request = Request { headers, ..Request::default() };
        chorus_http::command(&kernel(), &request, &sample).unwrap().metadata.traceparent
    };
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(carried(trace).as_deref(), Some(trace));
    for other in ["Ana Trujillo", &"x".repeat(300_000)] {
        assert_eq!(carried(other), None);
    }
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    assert_eq!(ask("[]").unwrap_err().status, 422);
    assert_eq!(ask("{").unwrap_err().status, 400);
}

#[cfg(feature = "server")]
mod logs {
    use std::sync::Mutex;

    use axum::body::Body;
    use chorus_http::{ApiInfo, Callers, Endpoint, router};
    use serde_json::{Value, json};
    use tempfile::NamedTempFile;
    use tower::ServiceExt;

    use super::*;

    const STREET: &str = "Obere Str. 57";

    /// Fails with a message that quotes stored data.
    struct Fails;

    #[async_trait]
    impl Endpoint for Fails {
        async fn call(&self, _: &Kernel, _: &Request) -> Result<Response, Problem> {
            Err(Failure::Terminal { code: "CorruptItem", message: STREET.to_owned() }.into())
        }
    }

    /// The warnings that are logged while one request is handled.
    async fn warnings(method: &str, path: &str) -> Vec<Value> {
        let log = NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(Mutex::new(log.reopen().unwrap()))
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let routes = vec![
            Route::new(Method::PUT, "/orders/{order-id}/notes", Callers::Anyone, Fails),
            Route::new(Method::GET, "/orders/{order-id}", Callers::with(&[]), Fails),
        ];
        let info = ApiInfo {
            title: "",
            description: "",
            hint: "",
            version: "",
            pages: None,
            webhooks: &[],
        };
        let body = Body::from(STREET);
        let request = axum::http::Request::builder().method(method).uri(path).body(body).unwrap();
        router(&kernel(), info, routes).oneshot(request).await.unwrap();
        drop(guard);
        let text = std::fs::read_to_string(log.path()).unwrap();
        assert!(!text.contains(STREET), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_fails_and_who_is_turned_away_is_logged_once_with_order_route_and_code() {
        for (method, path, status, code, route) in [
            ("PUT", "/orders/7/notes", 500, "CorruptItem", "PUT /orders/{order-id}/notes"),
            ("GET", "/orders/7", 401, "unauthorized", "GET /orders/{order-id}"),
        ] {
            let logged = warnings(method, path).await;
            let [line] = &logged[..] else { panic!("{path}: {logged:#?}") };
            assert_eq!((&line["level"], &line["status"]), (&json!("WARN"), &json!(status)));
            assert_eq!((&line["route"], &line["code"]), (&json!(route), &json!(code)));
            assert_eq!(line["correlation_id"], "7");
        }
        assert!(warnings("GET", "/nowhere").await.is_empty(), "a mistake of a caller");
    }
}
