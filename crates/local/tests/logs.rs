//! The log lines for operators: each failure is logged once, with its correlation id, and without
//! the event's content.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{
    ActionError, Failure, Function, Handled, Handler, Kernel, Message, PARTNER_UNAVAILABLE,
    Publisher,
};
use chorus_local::{Call, Endpoint, Local, LocalConfig, NoAnswer, Partner};
use chorus_table::RowSpec;
use chorus_test_table::TABLE;
use chorus_test_table::services;
use harness::{entry, function, row, rules_of};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tracing::subscriber::DefaultGuard;

const SOON: Duration = Duration::from_secs(20);
const STREET: &str = "Obere Str. 57";

/// The lines that are logged on this thread, as JSON.
struct Log {
    file: NamedTempFile,
    _guard: DefaultGuard,
}

impl Log {
    fn start() -> Self {
        let file = NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_target(false)
            .without_time()
            .with_writer(Mutex::new(file.reopen().unwrap()))
            .finish();
        Self { file, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file.path()).unwrap()
    }

    /// The fields of every logged warning, without the warning's text.
    fn warnings(&self) -> Vec<Value> {
        let lines: Vec<Value> =
            self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let warnings = lines.into_iter().filter(|line| line["level"] == "WARN");
        let without_text = |mut line: Value| {
            let fields = line.as_object_mut().unwrap();
            fields.remove("level");
            fields.remove("message");
            line
        };
        warnings.map(without_text).collect()
    }
}

/// A partner that answers its calls with the listed results, one after the other.
struct Answers(Mutex<Vec<Result<u16, NoAnswer>>>);

#[async_trait]
impl Partner for Answers {
    async fn post(&self, _: &Call) -> Result<u16, NoAnswer> {
        self.0.lock().unwrap().remove(0)
    }
}

#[tokio::test]
async fn a_call_that_fails_is_logged_at_each_attempt_and_its_dead_letter_once() {
    let log = Log::start();
    let mut config = LocalConfig::new(&TABLE, vec![Function::of(services::DELIVERY)])
        .endpoint("StartDelivery", Endpoint::new("http://carrier.example", "the key"));
    config.rules = rules_of(&["StartDelivery"]);
    config.policies.partner.first_pause = Duration::from_millis(1);
    let answers = vec![Ok(503), Err(NoAnswer::TimedOut(SOON)), Ok(429), Ok(422)];
    config.partner = Some(Arc::new(Answers(Mutex::new(answers))));
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("DeliveryMarkedAsStarted", "order-1", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    let failed = |attempt: u32, code: &str, status: Option<u16>| {
        let mut line = json!({
            "correlation_id": "order-1", "event": "DeliveryMarkedAsStarted",
            "event_id": "00000000-0000-0000-0000-000000000002",
            "rule": "delivery-StartDelivery", "code": code, "attempt": attempt,
        });
        if let Some(status) = status {
            line["status"] = json!(status);
        }
        line
    };
    let mut letter = failed(4, "SDK_CLIENT_ERROR", None);
    letter["queue"] = json!("delivery-StartDelivery-dlq");
    let expected = [
        failed(1, "SDK_CLIENT_ERROR", Some(503)),
        failed(2, "TIMEOUT", None),
        failed(3, "SDK_CLIENT_ERROR", Some(429)),
        failed(4, "SDK_CLIENT_ERROR", Some(422)),
        letter,
    ];
    assert_eq!(log.warnings(), expected);
}

#[tokio::test]
async fn what_an_action_refuses_is_logged_without_what_it_quotes() {
    let log = Log::start();
    let quoting = format!("invalid type: string {STREET:?}, expected an address");
    let refuse = move |_: &_, _| {
        let unreadable = Failure::Terminal { code: "UnreadableEvent", message: quoting.clone() };
        Err(ActionError::Failed(unreadable))
    };
    let (inventory, _) = function("ReserveItem", refuse);
    let mut config = LocalConfig::new(&TABLE, vec![inventory]);
    config.rules = rules_of(&["ReserveItem"]);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "order-1", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    let [refused, letter] = &log.warnings()[..] else { panic!("{}", log.text()) };
    assert_eq!(
        (&refused["action"], &refused["code"]),
        (&json!("ReserveItem"), &json!("UnreadableEvent"))
    );
    assert_eq!(refused["correlation_id"], "order-1");
    assert_eq!(refused["span"]["attempt"], 1);
    assert_eq!((&letter["rule"], &letter["attempt"]), (&json!("inventory-ReserveItem"), &json!(1)));
    assert!(!log.text().contains("Obere"), "{}", log.text());
}

#[tokio::test]
async fn a_message_that_waits_for_a_partner_is_not_logged_at_each_attempt() {
    let log = Log::start();
    let (inventory, seen) = function("ReserveItem", |_: &_, attempt| match attempt {
        1 | 2 => Err(ActionError::Failed(Failure::later(PARTNER_UNAVAILABLE, "away"))),
        _ => Ok(()),
    });
    let mut config = LocalConfig::new(&TABLE, vec![inventory]);
    config.rules = rules_of(&["ReserveItem"]);
    config.policies.function.first_pause = Duration::from_millis(1);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "order-1", 1)]).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(log.warnings(), Vec::<Value>::new());
}

struct NeverReturns;

#[async_trait]
impl Handler for NeverReturns {
    fn row(&self) -> RowSpec {
        row("ReserveItem")
    }

    fn reads(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, _: &Kernel, _: &Message) -> Result<Handled, ActionError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_function_that_does_not_answer_in_time_is_logged_with_its_attempt() {
    let log = Log::start();
    let mut inventory = Function::of(services::INVENTORY);
    inventory.handlers.push(Arc::new(NeverReturns));
    let mut config = LocalConfig::new(&TABLE, vec![inventory]);
    config.rules = rules_of(&["ReserveItem"]);
    config.function_timeout = Some(Duration::from_millis(1));
    config.policies.function.first_pause = Duration::from_millis(1);
    config.policies.function.longest_pause = Duration::from_millis(1);
    let shop = Local::open(config).unwrap();
    shop.bus().put_events(&[entry("OrderCreated", "order-1", 1)]).await.unwrap();
    shop.runner().start();
    let thrice = async {
        while log.warnings().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, thrice).await.unwrap();
    for (line, attempt) in log.warnings().iter().zip(1..=3) {
        assert_eq!((&line["code"], &line["attempt"]), (&json!("TimedOut"), &json!(attempt)));
        assert_eq!(line["rule"], "inventory-ReserveItem");
    }
}
