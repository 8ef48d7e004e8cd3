//! Commands that other AWS accounts send through the bus. A sender cannot hide a command from this
//! application. A command that expires before it is handled becomes a dead letter, and can be sent
//! again.
#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod support;

use std::sync::Arc;

use chorus_kernel::testing::expect_ready;
use chorus_kernel::{
    Action, ActiveRegion, Clock, Context, Decided, Decision, Failure, Function, Handled,
    IDEMPOTENCY_TABLE, Input, Kernel, Outcome, RECORD_LIFETIME, REGIONS_TABLE, Region,
};
use chorus_table::{CallBody, Callers, Detail, Entry, Event, OutsideBus, Partner, sample_time};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{Bus, ManualClock};

mod services {
    chorus_table::services! {
        /// Keeps items.
        INVENTORY: "inventory", "Inventory", "com.inventory";
        /// Keeps every event.
        LOG: "log", "Log", "com.log";
    }
}

mod commands {
    chorus_table::event! {
        /// List an item.
        ListItem: chorus_table::Owner::Service(super::services::INVENTORY), Command, about sku, {
            sku: String = "chai".to_owned(),
        }
    }
}

mod facts {
    chorus_table::event! {
        /// An item was listed.
        ItemListed: chorus_table::Owner::Service(super::services::INVENTORY), End, about sku, {
            sku: String = "chai".to_owned(),
        }
    }
}

const CATALOGUE: Partner =
    Partner { name: "catalogue", source: "com.example.catalogue", body: CallBody::Detail };

const ENTERPRISE: OutsideBus =
    OutsideBus { name: "enterprise", source: "com.example.shop", personal: &[] };

chorus_table::design_table! {
    /// Lists an item.
    ListItem: INVENTORY api [ListItem] => [ItemListed]
        .records().callers(Callers::Anyone).commands_from(CATALOGUE, ENTERPRISE);

    /// Keeps every event.
    KeepEvent: LOG listens_to everything => []
        .records().folds().every("com.");
}

struct ListItem;

impl Action for ListItem {
    type Row = rows::ListItem;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, _: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        Ok(Decision::emit(facts::ItemListed::sample()))
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

struct Shop {
    kernel: Kernel,
    bus: Arc<Bus>,
    clock: Arc<ManualClock>,
}

impl Shop {
    /// A shop in two regions. The active region is "east", the region of this kernel.
    fn new() -> Self {
        let tables = [IDEMPOTENCY_TABLE, REGIONS_TABLE];
        let (kernel, bus, clock) = support::kernel(&tables, Some(Region::new("east")));
        let taken_over = ActiveRegion::taken_over(None, "east", sample_time());
        expect_ready(kernel.store.write(&[taken_over])).unwrap();
        Self { kernel, bus, clock }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    fn list(&self, event: &Value) -> Result<Handled, Failure> {
        let function = Function::of(services::INVENTORY).action(ListItem);
        expect_ready(function.handle_event(&self.kernel, &event.to_string()))
    }

    fn log(&self, event: &Value) -> Result<Handled, Failure> {
        let function = Function::of(services::LOG).action(KeepEvent);
        expect_ready(function.handle_event(&self.kernel, &event.to_string()))
    }

    fn published(&self) -> Vec<Entry> {
        self.bus.0.lock().unwrap().clone()
    }
}

const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A command of the catalogue that was sent at this time and expires after a minute.
fn command(given_at: Timestamp) -> Value {
    json!({
        "source": CATALOGUE.source, "detail-type": "ListItem", "account": "333333333333",
        "detail": {
            "metadata": {
                "idempotency-key": "k", "event-id": uuid::Uuid::nil(), "correlation-id": "chai",
                "occurred-at": given_at, "version": 1, "ttl-seconds": 60, "category": "command",
            },
            "data": { "sku": "chai" },
        },
    })
}

#[test]
fn a_sender_cannot_hide_its_command_from_a_region_or_from_the_log() {
    let shop = Shop::new();
    let mut command = command(shop.now());
    let metadata = &mut command["detail"]["metadata"];
    metadata["home-region"] = json!("west");
    metadata["copy-of"] = json!(1);
    metadata["replay-name"] = json!("again");
    assert_eq!(shop.list(&command).unwrap().outcome, Outcome::Decided);
    assert_eq!(shop.log(&command).unwrap().outcome, Outcome::Decided);
    let published = shop.published();
    let listed: Detail<Value> = serde_json::from_str(&published[0].detail).unwrap();
    assert_eq!(listed.metadata.home_region.as_deref(), Some("east"));
}

#[test]
fn a_command_that_expired_before_it_was_handled_is_a_dead_letter_and_can_be_sent_again() {
    let shop = Shop::new();
    let expired = command(shop.now());
    shop.pass(60);
    for (seconds, is_retryable) in [(0, true), (299, true), (1, false), (3_600, false)] {
        shop.pass(seconds);
        let failure = shop.list(&expired).unwrap_err();
        assert_eq!((failure.code(), failure.is_retryable()), ("CommandExpired", is_retryable));
    }
    assert_eq!(shop.published(), []);
    let again = command(shop.now());
    assert_eq!(
        shop.list(&again).unwrap().outcome,
        Outcome::Decided,
        "a later command may have the same key"
    );
}

#[test]
fn a_duplicate_that_arrives_after_its_expiry_is_answered_from_the_record() {
    let shop = Shop::new();
    let command = command(shop.now());
    shop.list(&command).unwrap();
    shop.pass(60);
    assert_eq!(shop.list(&command).unwrap().outcome, Outcome::Repeated);
    assert_eq!(shop.list(&command).unwrap().outcome, Outcome::Absorbed);
}

#[test]
fn a_command_from_the_future_is_a_dead_letter_and_is_logged() {
    let shop = Shop::new();
    assert_eq!(shop.list(&command(shop.now() + AN_HOUR)).unwrap().outcome, Outcome::Decided);
    let later = command(shop.now() + AN_HOUR + SignedDuration::from_secs(1));
    let failure = shop.list(&later).unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), ("FutureCommand", false));
    assert_eq!(shop.log(&later).unwrap().outcome, Outcome::Decided);
}

#[test]
fn a_replay_does_not_execute_a_command_again_whose_sender_was_ahead_of_time() {
    let shop = Shop::new();
    let mut early = command(shop.now() + AN_HOUR);
    early["detail"]["metadata"]["ttl-seconds"] = json!(u32::MAX);
    assert_eq!(shop.list(&early).unwrap().outcome, Outcome::Decided);
    shop.pass(RECORD_LIFETIME);
    early["replay-name"] = json!("again");
    assert_eq!(shop.list(&early).unwrap().outcome, Outcome::Suppressed);
}

#[test]
fn an_expired_command_is_logged_and_does_not_fail_in_a_replay() {
    let shop = Shop::new();
    let mut expired = command(shop.now());
    shop.pass(3_600);
    assert_eq!(shop.log(&expired).unwrap().outcome, Outcome::Decided);
    expired["replay-name"] = json!("again");
    assert_eq!(shop.list(&expired).unwrap().outcome, Outcome::Expired);
}

#[test]
fn a_command_that_arrives_during_a_takeover_is_retried_and_not_ignored() {
    let shop = Shop::new();
    let command = command(shop.now());
    let read = expect_ready(ActiveRegion::read(&*shop.kernel.store)).unwrap().unwrap();
    let fenced = ActiveRegion::fenced(&read, "west", Vec::new(), shop.now());
    expect_ready(shop.kernel.store.write(&[fenced])).unwrap();
    let failure = shop.list(&command).unwrap_err();
    assert_eq!((failure.code(), failure.is_retryable()), ("NotActing", true));
    let read = expect_ready(ActiveRegion::read(&*shop.kernel.store)).unwrap();
    let active = ActiveRegion::taken_over(read.as_ref(), "east", shop.now());
    expect_ready(shop.kernel.store.write(&[active])).unwrap();
    assert_eq!(shop.list(&command).unwrap().outcome, Outcome::Decided);
}
