//! One event in two versions. Both versions are published. A consumer that can read both versions
//! acts once. An event in a newer version, which the consumer cannot read yet, is retried.
#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod support;

use std::sync::Arc;

use chorus_kernel::testing;
use chorus_kernel::{
    Action, ActionError, Context, Decided, Decision, Function, IDEMPOTENCY_TABLE, Input, Kernel,
    Message, Outcome,
};
use chorus_table::{Detail, Entry, Event};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::Bus;

mod services {
    chorus_table::services! {
        /// Weighs.
        SCALES: "scales", "Scales", "com.scales";
        /// Bills by weight.
        BILLS: "bills", "Bills", "com.bills";
        /// Keeps every event.
        LOG: "log", "Log", "com.log";
    }
}

mod commands {
    chorus_table::event! {
        /// Weigh a parcel.
        WeighParcel: chorus_table::Owner::Service(super::services::SCALES), Command, about parcel, {
            parcel: String = "p".to_owned(),
        }
    }
}

mod facts {
    chorus_table::event! {
        /// A parcel was weighed.
        ParcelWeighed: chorus_table::Owner::Service(super::services::SCALES), Step, about parcel,
        version 2, {
            parcel: String = "p".to_owned(),
            grams: u32 = 1_500,
        }
        before {
            /// Weights were whole kilograms.
            1 as ParcelWeighedV1 published {
                parcel: String = "p".to_owned(),
                kilograms: u32 = 2,
            }
            upcast |old| ParcelWeighed { parcel: old.parcel, grams: old.kilograms * 1_000 };
            downcast |new| Some(ParcelWeighedV1 {
                parcel: new.parcel.clone(),
                kilograms: new.grams.div_ceil(1_000),
            });
        }
    }
    chorus_table::event! {
        /// A parcel was billed.
        ParcelBilled: chorus_table::Owner::Service(super::services::BILLS), End, about parcel, {
            parcel: String = "p".to_owned(),
            cents: u32 = 300,
        }
    }
}

chorus_table::design_table! {
    /// Weighs a parcel.
    WeighParcel: SCALES api [WeighParcel] => [ParcelWeighed]
        .records().callers(chorus_table::Callers::Anyone);

    /// Bills a parcel by what it weighs.
    BillParcel: BILLS on [ParcelWeighed] => [ParcelBilled]
        .records();

    /// Keeps every event.
    KeepEvent: LOG listens_to everything => []
        .records().folds().every("com.");
}

struct WeighParcel;

impl Action for WeighParcel {
    type Row = rows::WeighParcel;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, _: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        Ok(Decision::emit(facts::ParcelWeighed::sample()))
    }
}

struct BillParcel;

impl Action for BillParcel {
    type Row = rows::BillParcel;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, input: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        let rows::BillParcelInput::ParcelWeighed(it) = input;
        Ok(Decision::emit(facts::ParcelBilled { parcel: it.parcel.clone(), cents: it.grams / 5 }))
    }
}

struct KeepEvent;

impl Action for KeepEvent {
    type Row = rows::KeepEvent;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, _: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        Ok(Decision::nothing("kept"))
    }
}

fn message<E: Event>(data: &E) -> Message {
    let data = serde_json::value::to_raw_value(data).unwrap();
    let mut message =
        Message { data, detail_type: E::SPEC.detail_type.to_owned(), ..testing::message() };
    message.metadata.version = E::SPEC.version;
    message
}

fn kernel() -> (Kernel, Arc<Bus>) {
    let (kernel, bus, _) = support::kernel(&[IDEMPOTENCY_TABLE], None);
    (kernel, bus)
}

/// The events that are published about one parcel: version 2, then version 1.
async fn both() -> Vec<String> {
    let (kernel, bus) = kernel();
    let command = message(&commands::WeighParcel::sample());
    kernel.run(&WeighParcel, &command).await.unwrap();
    let published = bus.0.lock().unwrap().clone();
    published.iter().map(event).collect()
}

fn event(entry: &Entry) -> String {
    let detail: &RawValue = serde_json::from_str(&entry.detail).unwrap();
    json!({ "source": entry.source, "detail-type": entry.detail_type, "detail": detail })
        .to_string()
}

fn metadata(event: &str) -> chorus_table::Metadata {
    let event: Value = serde_json::from_str(event).unwrap();
    let detail: Detail<Value> = serde_json::from_value(event["detail"].clone()).unwrap();
    detail.metadata
}

fn bills() -> Function {
    Function::of(services::BILLS).action(BillParcel)
}

#[tokio::test]
async fn an_event_is_published_in_each_of_its_versions_under_one_key() {
    let published = both().await;
    let [two, one] = [metadata(&published[0]), metadata(&published[1])];
    assert_eq!((published.len(), two.version, one.version), (2, 2, 1));
    assert_eq!((two.copy_of, one.copy_of), (None, Some(2)));
    assert_eq!((&two.idempotency_key, two.event_id), (&one.idempotency_key, one.event_id));
    assert!(
        published[0].contains("\"grams\":1500") && published[1].contains("\"kilograms\":2"),
        "{published:?}"
    );
}

#[tokio::test]
async fn whoever_reads_both_versions_acts_once_in_whichever_order_they_come() {
    let published = both().await;
    for order in [[0, 1], [1, 0]] {
        let (kernel, bus) = kernel();
        let mut outcomes = Vec::new();
        for at in [order[0], order[1], order[0]] {
            outcomes.push(bills().handle_event(&kernel, &published[at]).await.unwrap().outcome);
        }
        assert_eq!(outcomes, [Outcome::Decided, Outcome::Repeated, Outcome::Absorbed]);
        let billed = bus.0.lock().unwrap();
        assert!(billed.windows(2).all(|pair| pair[0] == pair[1]), "{billed:?}");
    }
}

#[tokio::test]
async fn the_same_key_with_another_payload_is_an_error_in_either_version() {
    let published = both().await;
    for (first, other) in [
        (0, published[1].replace("\"kilograms\":2", "\"kilograms\":7")),
        (1, published[0].replace("1500", "9000")),
    ] {
        let (kernel, _) = kernel();
        bills().handle_event(&kernel, &published[first]).await.unwrap();
        let failure = bills().handle_event(&kernel, &other).await.unwrap_err();
        assert_eq!((failure.code(), failure.is_retryable()), ("KeyReused", false));
    }
}

#[tokio::test]
async fn an_event_of_before_is_read_as_the_current_version() {
    let old = message(&facts::ParcelWeighed::sample());
    let data = serde_json::value::to_raw_value(&facts::ParcelWeighedV1::sample()).unwrap();
    let (kernel, _) = kernel();
    let mut old = Message { data, ..old };
    old.metadata.version = 1;
    let answered = kernel.run(&BillParcel, &old).await.unwrap();
    assert!(answered.entries[0].detail.contains("\"cents\":400"), "{answered:?}");
}

#[tokio::test]
async fn a_version_that_is_newer_is_tried_again_and_one_that_nobody_knows_is_not() {
    let (kernel, _) = kernel();
    for (version, code, retryable) in [(3, "NewerVersion", true), (0, "UnreadableEvent", false)] {
        let mut newer = message(&facts::ParcelWeighed::sample());
        newer.metadata.version = version;
        let error = kernel.run(&BillParcel, &newer).await.unwrap_err();
        let ActionError::Failed(failure) = error else { panic!("{error}") };
        assert_eq!((failure.code(), failure.is_retryable()), (code, retryable));
    }
}

#[tokio::test]
async fn a_row_that_takes_every_event_keeps_each_once() {
    let (kernel, _) = kernel();
    let log = Function::of(services::LOG).action(KeepEvent);
    for published in both().await {
        log.handle_event(&kernel, &published).await.unwrap();
    }
    let published = both().await;
    let again = log.handle_event(&kernel, &published[0]).await.unwrap();
    assert_eq!(again.outcome, Outcome::Absorbed);
}

#[tokio::test]
async fn a_field_that_we_do_not_know_does_not_tell_the_versions_apart() {
    let newer = |event: &String| event.replace("\"data\":{", "\"data\":{\"added-later\":1,");
    let published: Vec<String> = both().await.iter().map(newer).collect();
    let (kernel, _) = kernel();
    let mut outcomes = Vec::new();
    for event in [&published[1], &published[0]] {
        outcomes.push(bills().handle_event(&kernel, event).await.unwrap().outcome);
    }
    assert_eq!(outcomes, [Outcome::Decided, Outcome::Repeated]);
}
