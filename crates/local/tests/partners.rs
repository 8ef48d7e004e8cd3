//! How the bus calls a partner's HTTP endpoint.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use chorus_test_table::services;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Clock, Function, Publisher};
use chorus_local::{
    Call, Endpoint, Local, LocalConfig, NoAnswer, Partner, Replay, Selection, VirtualClock,
};
use chorus_table::policy::OUTAGE;
use harness::{entry, rules_of};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(20);

/// Starts a carrier's HTTP server that answers each request with the next status of `statuses`.
/// Returns the server's URL and the list of the requests that it receives.
async fn carrier(statuses: &'static [u16]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/parcels", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let received = Arc::clone(&requests);
    tokio::spawn(async move {
        for status in statuses {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            while !request.ends_with("}") {
                let mut bytes = [0; 4096];
                let read = connection.read(&mut bytes).await.unwrap();
                request.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            received.lock().unwrap().push(request);
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, requests)
}

fn config(url: &str) -> LocalConfig {
    let mut config = LocalConfig::new(&TABLE, vec![Function::of(services::DELIVERY)])
        .endpoint("StartDelivery", Endpoint::new(url, "the key"));
    config.rules = rules_of(&["StartDelivery"]);
    config.policies.partner.first_pause = Duration::from_millis(5);
    config.policies.partner.max_attempts = 4;
    config
}

async fn put(shop: &Local, number: u64) {
    shop.bus().put_events(&[entry("DeliveryMarkedAsStarted", "a", number)]).await.unwrap();
}

#[tokio::test]
async fn a_partner_is_asked_again_when_it_is_busy_with_the_same_idempotency_key() {
    let (url, requests) = carrier(&[429, 503, 202]).await;
    let shop = Local::open(config(&url)).unwrap();
    put(&shop, 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    for request in requests.iter() {
        assert!(request.starts_with("POST /parcels HTTP/1.1\r\n"));
        for header in [
            "x-api-key: the key\r\n",
            "idempotency-key: 00000000000000000000000000000002\r\n",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
            "content-type: application/json; charset=utf-8\r\n",
        ] {
            assert!(request.contains(header), "{header} in {request}");
        }
        let body: serde_json::Value =
            serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["number"], 1);
    }
    assert_eq!(shop.dead_letters(&Selection::default()), []);
}

#[tokio::test]
async fn a_refusal_is_a_dead_letter_at_once() {
    let (url, requests) = carrier(&[422]).await;
    let shop = Local::open(config(&url)).unwrap();
    put(&shop, 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(requests.lock().unwrap().len(), 1);
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!(letters[0].attributes["ERROR_MESSAGE"], "the partner answered 422");
    assert!(!letters[0].attributes.contains_key("EXHAUSTED_RETRY_CONDITION"));
}

#[tokio::test]
async fn a_partner_that_is_not_there_is_given_up_after_all_attempts() {
    let shop = Local::open(config("http://127.0.0.1:9/nobody")).unwrap();
    put(&shop, 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    let attributes = &shop.dead_letters(&Selection::default())[0].attributes;
    assert_eq!(attributes["ERROR_CODE"], "CONNECTION_FAILURE");
    assert_eq!(attributes["RETRY_ATTEMPTS"], "3");
    assert_eq!(attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumRetryAttempts");
}

#[tokio::test]
async fn a_partner_that_does_not_answer_is_told_by_the_call_that_has_waited_longest() {
    let mut config = config("http://127.0.0.1:9/nobody");
    config.policies.partner.longest_pause = SOON;
    config.policies.partner.first_pause = Duration::from_millis(1);
    config.policies.partner.max_attempts = 100;
    let shop = Local::open(config).unwrap();
    put(&shop, 1).await;
    put(&shop, 2).await;
    assert_eq!(shop.unanswered(3), [], "it was not called yet");
    let runner = shop.runner();
    let told = async {
        while shop.unanswered(3).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shop.unanswered(3)
    };
    let told = tokio::select! {
        told = told => told,
        _ = runner.run_until_idle(SOON) => panic!("the calls are repeated"),
    };
    let [call] = &told[..] else { panic!("{told:?}") };
    assert_eq!((call.partner, &*call.pending.rule), ("carrier", "delivery-StartDelivery"));
    let notes = shop.attempts(&call.event_id).await.unwrap();
    assert!(shop.pending(&call.event_id, &notes).contains(&call.pending));
}

/// A partner that records when it was called.
struct CallRecorder {
    clock: VirtualClock,
    called: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl Partner for CallRecorder {
    async fn post(&self, _: &Call) -> Result<u16, NoAnswer> {
        self.called.lock().unwrap().push(self.clock.now());
        Ok(200)
    }
}

#[tokio::test]
async fn a_partner_is_not_called_more_often_than_it_allows_and_never_by_a_replay() {
    let start = Timestamp::from_second(1_000_000).unwrap();
    let clock = VirtualClock::at(start);
    let partner = Arc::new(CallRecorder { clock: clock.clone(), called: Mutex::default() });
    let mut config = config("http://carrier.example").virtual_time(&clock);
    config.policies.calls_per_second = 10;
    config.partner = Some(Arc::clone(&partner) as Arc<dyn Partner>);
    let shop = Local::open(config).unwrap();
    for number in 0..40 {
        put(&shop, number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    let called: Vec<i128> = {
        let called = partner.called.lock().unwrap();
        called.iter().map(|at| at.duration_since(start).as_millis()).collect()
    };
    assert_eq!(called.len(), 40);
    assert_eq!(called.iter().filter(|at| **at == 0).count(), 10, "a full bucket");
    assert!(called.windows(11).all(|run| run[10] - run[0] >= 100), "then ten a second");
    assert_eq!(called.last(), Some(&3_000));
    let (name, to) = ("again".to_owned(), Timestamp::MAX);
    let replay = Replay { name, from: start, to, rule: None, dry_run: false };
    shop.replay(&replay).await.unwrap();
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(partner.called.lock().unwrap().len(), 40, "what was sent is not sent again");
}

#[tokio::test]
async fn a_partner_away_for_six_hours_is_called_seldom_and_once_more_afterwards() {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let back = clock.now() + OUTAGE;
    let partner = Arc::new(Away { clock: clock.clone(), back, called: Mutex::default() });
    let mut config = LocalConfig::new(&TABLE, vec![Function::of(services::DELIVERY)])
        .endpoint("StartDelivery", Endpoint::new("http://carrier.example", "the key"))
        .virtual_time(&clock);
    config.rules = rules_of(&["StartDelivery"]);
    config.partner = Some(Arc::clone(&partner) as Arc<dyn Partner>);
    let shop = Local::open(config).unwrap();
    put(&shop, 1).await;
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(shop.dead_letters(&Selection::default()), []);
    let called = partner.called.lock().unwrap();
    assert_eq!(called.iter().filter(|at| **at >= back).count(), 1);
    assert!((20..100).contains(&called.len()), "{} calls", called.len());
}

/// A partner that is not reachable before the time `back`.
struct Away {
    clock: VirtualClock,
    back: Timestamp,
    called: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl Partner for Away {
    async fn post(&self, _: &Call) -> Result<u16, NoAnswer> {
        let now = self.clock.now();
        self.called.lock().unwrap().push(now);
        if now < self.back { Err(NoAnswer::NotReached("away".to_owned())) } else { Ok(200) }
    }
}

/// Five thousand orders within a second, at a carrier whose rate limit is ten calls per second.
#[tokio::test]
async fn a_burst_of_5000_orders_through_the_carriers_rate_cancels_nothing() {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let partner = Arc::new(CallRecorder { clock: clock.clone(), called: Mutex::default() });
    let mut config = config("http://carrier.example").virtual_time(&clock);
    config.policies.calls_per_second = 10;
    config.partner = Some(Arc::clone(&partner) as Arc<dyn Partner>);
    let shop = Local::open(config).unwrap();
    for number in 0..5_000 {
        put(&shop, number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(partner.called.lock().unwrap().len(), 5_000);
    assert_eq!(shop.dead_letters(&Selection::default()), [], "a dead letter cancels its order");
}

#[tokio::test]
async fn what_a_rate_lets_through_too_late_is_a_dead_letter_as_on_aws() {
    let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
    let partner = Arc::new(CallRecorder { clock: clock.clone(), called: Mutex::default() });
    let mut config = config("http://carrier.example").virtual_time(&clock);
    config.policies.calls_per_second = 1;
    config.policies.partner.max_age = Duration::from_secs(60);
    config.partner = Some(Arc::clone(&partner) as Arc<dyn Partner>);
    let shop = Local::open(config).unwrap();
    for number in 0..70 {
        put(&shop, number).await;
    }
    shop.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(partner.called.lock().unwrap().len(), 61, "one at once, and one each second");
    let letters = shop.dead_letters(&Selection::default());
    assert_eq!((letters.len(), &*letters[0].attributes["ERROR_CODE"]), (9, "RateLimited"));
    let limit = &letters[0].attributes["EXHAUSTED_RETRY_CONDITION"];
    assert_eq!(limit, "MaximumEventAgeInSeconds");
}
