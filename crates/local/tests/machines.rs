//! State machines in process: an execution ends with the same result if its process is killed
//! between any two transitions.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use chorus_test_table::services;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::testing::metadata;
use chorus_kernel::{
    Action, ActionError, Context, Decision, Function, Item, Kernel, Key, MachineSpec, Machines,
    Page, Query, Signal, SignalOutcome, Store, StoreError, Write,
};
use chorus_local::{Local, LocalConfig};
use chorus_table::Event;
use chorus_test_table::facts::DeliveryEstimated;
use chorus_test_table::facts::PaymentMade;
use chorus_test_table::rows::{self, AskReviewerInput, MakePaymentInput};
use chorus_test_table::rows::{AskReviewerOutput, MakePaymentOutput};
use harness::killed;
use jiff::Timestamp;
use tokio::sync::Notify;

/// A state machine that charges, starts a nested execution, and publishes the result. The nested
/// execution asks a reviewer.
const OUTER: &str = r#"{"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "${PaymentFunction}",
      "Payload": {"action": "MakePayment", "event.$": "$"}},
    "ResultSelector": {"event.$": "$.Payload.event"}, "ResultPath": "$.said", "Next": "Inner"},
  "Inner": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": "${Inner}", "Input": {"event.$": "$"}},
    "TimeoutSeconds": 86400, "ResultPath": "$.inner", "Next": "Say"},
  "Say": {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents",
    "Parameters": {"Entries": [{"EventBusName": "${Bus}", "Source": "com.payments",
      "DetailType.$": "$.said.event.detail-type", "Detail.$": "$.said.event.detail"}]},
    "End": true}}}"#;

const INNER: &str = r#"{"StartAt": "Ask", "States": {
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "${PaymentFunction}",
      "Payload": {"action": "AskReviewer", "event.$": "$.event", "token.$": "$$.Task.Token"}},
    "TimeoutSeconds": 86400, "End": true}}}"#;

struct Charge;

impl Action for Charge {
    type Row = rows::MakePayment;
    type State = ();

    fn keys(&self, _: &MakePaymentInput) {}

    fn decide(
        &self,
        _: &MakePaymentInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<MakePaymentOutput>, ActionError> {
        Ok(Decision::emit(PaymentMade::sample()))
    }
}

/// Approves the payment in place of the reviewer: completes the task at once.
struct Ask;

impl Action for Ask {
    type Row = rows::AskReviewer;
    type State = ();

    fn keys(&self, _: &AskReviewerInput) {}

    fn decide(
        &self,
        _: &AskReviewerInput,
        (): &(),
        context: &Context<'_>,
    ) -> Result<Decision<AskReviewerOutput>, ActionError> {
        let token = context.task().and_then(|task| task.token.clone()).unwrap();
        let output = serde_json::json!({ "verdict": "approve" });
        Ok(Decision::nothing("answered").signal(Signal::Answer { token, output }))
    }
}

fn shop(directory: &Path) -> Local {
    let machine = |name, definition| MachineSpec::new(name, definition);
    let payment = Function::of(services::PAYMENT)
        .machine(machine("Outer", OUTER))
        .machine(machine("Inner", INNER))
        .action(Charge)
        .action(Ask);
    let mut config = LocalConfig::new(&TABLE, vec![payment]).data(directory);
    config.rules = Vec::new();
    Local::open(config).unwrap()
}

/// A store whose process dies at one write: `left` writes succeed, and the next one never returns.
/// Only writes change the state that a kill leaves behind, so a test needs to kill the process only
/// at writes. A kill after a write, but before the write's result is seen, leaves the same state as
/// a kill at the next write.
struct DyingStore {
    inner: Arc<dyn Store>,
    left: AtomicUsize,
    died: Arc<Notify>,
}

#[async_trait]
impl Store for DyingStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_err() {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        self.inner.write(writes).await
    }
}

fn start() -> Signal {
    let metadata = metadata();
    let input = serde_json::json!({
        "source": "com.delivery", "detail-type": "DeliveryEstimated",
        "detail": { "metadata": metadata, "data": DeliveryEstimated::sample() },
    });
    Signal::Start { machine: "Outer".to_owned(), name: "Outer-1".to_owned(), input }
}

/// Starts an execution, and does all work that is due, on a kernel whose store stops responding
/// after `writes` writes. Returns true if the execution needed no more writes than that.
async fn live(shop: &Local, writes: usize) -> bool {
    let died = Arc::new(Notify::new());
    let inner = Arc::clone(&shop.kernel().store);
    let dying = DyingStore { inner, left: AtomicUsize::new(writes), died: Arc::clone(&died) };
    let store: Arc<dyn Store> = Arc::new(dying);
    let machines: Arc<dyn Machines> = shop.machines_on(Arc::clone(&store));
    let kernel = Kernel { store, machines, ..shop.kernel().clone() };
    let life = async {
        kernel.machines.signal(&start()).await.unwrap();
        while let Some(work) = shop.bus().take_due(1).first() {
            shop.dispatcher().perform(work, shop.bus().topology(), &kernel).await;
        }
    };
    tokio::select! {
        () = life => true,
        () = died.notified() => false,
    }
}

async fn payments(shop: &Local) -> Vec<String> {
    let archived = shop.archive(Timestamp::MIN, Timestamp::MAX, 0).await.unwrap();
    let mut ids: Vec<String> = archived.iter().map(|event| event.event_id.clone()).collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_write_an_execution_goes_on_and_its_effects_happen_once() {
    for writes in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let before = shop(directory.path());
        let lived = live(&before, writes).await;
        let left = killed(before, directory.path());
        let after = shop(left.path());
        // The caller that started the execution got no result, and tries again.
        after.kernel().machines.signal(&start()).await.unwrap();
        after.runner().run_until_idle(Duration::from_secs(30)).await.unwrap();
        let executions = after.executions(&metadata().correlation_id).await.unwrap();
        let ends: Vec<&str> = executions.iter().map(|it| it.status.as_str()).collect();
        assert_eq!(ends, ["SUCCEEDED", "SUCCEEDED"], "killed at write {writes}");
        assert_eq!(payments(&after).await.len(), 1, "killed at write {writes}");
        assert_eq!(after.kernel().machines.signal(&start()).await.unwrap(), SignalOutcome::TooLate);
        if lived {
            assert!(writes > 8, "the execution was killed at {writes} places only");
            return;
        }
    }
    panic!("the execution does not end within a hundred writes");
}
