//! Listings that other AWS accounts send through the bus. The catalogue's account may list items:
//! each of its listings takes effect once. A listing from any other account has no effect.

use std::time::Duration;

use chorus_events::commands::PutItem;
use chorus_events::facts::ItemListed;
use chorus_events::partners::CATALOGUE;
use chorus_kernel::{derived_id, text};
use chorus_simulation::{Draws, Observed, Sent, Watch};
use chorus_table::{Entry, Event};
use serde_json::{Value, json};

use crate::callers::cents;
use crate::orders::ITEMS;

/// The account whose commands the shop takes.
pub(crate) const CATALOGUE_ACCOUNT: &str = "333333333333";

/// An account whose commands the shop does not take.
const STRANGER: &str = "444444444444";

/// The time to live of a command that lists an item. It is longer than any run takes.
const TTL_SECONDS: u32 = 90 * 86_400;

#[derive(Debug, Clone)]
pub(crate) struct SentListing {
    account: &'static str,
    sku: &'static str,
    /// The name of the item, by which the listing is recognized.
    name: String,
    price: i64,
    key: String,
    at: Duration,
    /// The time until the account sends the same message again; `None` if it sends the message
    /// once.
    again: Option<Duration>,
}

impl SentListing {
    pub(crate) fn drawn(draws: &Draws) -> Vec<Self> {
        let mut draw = draws.of("accounts");
        let count = 2 + draw.below(3);
        let mut listing = |number: u64| {
            let account = if number.is_multiple_of(2) { CATALOGUE_ACCOUNT } else { STRANGER };
            let sku = draw.one_of(&["chai", "tea"]);
            let name = format!("{sku}, listing {number} of {account}");
            // Sometimes the account uses the idempotency key of a listing by the shop's staff. The
            // account's command must not count as a duplicate of the staff's command.
            let staffs = draw.percent(30).then(|| format!("listing-0-of-{sku}"));
            let price = 500 + 10 * draw.below(200) as i64;
            let (at, again) = (draw.moment(), draw.percent(30).then(|| draw.moment()));
            let key = staffs.unwrap_or_else(|| format!("{sku}-{}", number / 2));
            Self { account, sku, name, price, key, at, again }
        };
        let mut sent: Vec<Self> = Vec::new();
        for number in 0..count {
            let mut next = listing(number);
            if sent.iter().any(|it| it.account == next.account && it.key == next.key) {
                next.key.push_str("-again");
            }
            sent.push(next);
        }
        sent
    }

    /// The messages that the account sends, each with the time after which it is sent.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (Duration, Sent)> + use<> {
        let times = [Some(self.at), self.again.map(|again| self.at + again)];
        let sent = Sent { account: self.account, entry: self.entry() };
        times.into_iter().flatten().map(move |at| (at, sent.clone()))
    }

    /// The event id that the sender chooses.
    pub(crate) fn event_id(&self) -> String {
        derived_id("sent listing", &self.name, 0).to_string()
    }

    /// The event id under which the event log has the command.
    pub(crate) fn logged_id(&self) -> String {
        let key = format!("{}\n{}", self.key, self.event_id());
        derived_id(&format!("account {}", self.account), &key, 0).to_string()
    }

    fn entry(&self) -> Entry {
        let Self { account, sku, name, price, key, .. } = self;
        let stock = ITEMS.iter().find(|it| it.0 == *sku).map_or(0, |it| it.2);
        let detail = json!({
            "metadata": {
                "idempotency-key": key,
                "event-id": self.event_id(),
                "correlation-id": sku,
                // The time at which every run begins.
                "occurred-at": "2026-11-18T11:06:40Z",
                "version": PutItem::SPEC.version,
                "ttl-seconds": TTL_SECONDS,
                "category": "command",
                // A forged actor and tenant: the shop must replace both.
                "actor": "maria",
                "tenant": format!("a tenant of {account}"),
            },
            "data": { "sku": sku, "name": name, "price": cents(*price), "stock": stock },
        });
        Entry {
            source: CATALOGUE.source.to_owned(),
            detail_type: PutItem::SPEC.detail_type.to_owned(),
            detail: detail.to_string(),
        }
    }

    pub(crate) fn describe(&self) -> String {
        let Self { name, key, at, again, .. } = self;
        let again = again.map(|again| format!(", and again {again:?} later")).unwrap_or_default();
        format!("\"{name}\" is sent after {at:?} under the key {key}{again}")
    }
}

/// Watches that [`STRANGER`], the account that may not list items, never lists one.
pub(crate) fn watch() -> Watch {
    Watch::new(chorus_inventory::TABLE.name, |item| {
        let name = text(item, "name")?;
        name.contains(STRANGER)
            .then(|| format!("accounts: an account without permission listed \"{name}\""))
    })
}

/// Checks that each listing that the catalogue's account sent was published once, and that the
/// published event names the account as its actor.
pub(crate) fn check(sent: &[SentListing], observed: &Observed) -> Vec<String> {
    if sent.is_empty() {
        return Vec::new();
    }
    let logged: Vec<(Value, Value)> = observed
        .items(chorus_event_log::TABLE.name)
        .iter()
        .filter(|item| text(item, "detail-type") == Some(ItemListed::SPEC.detail_type))
        .filter_map(|item| {
            let read = |name| serde_json::from_str(text(item, name)?).ok();
            Some((read("metadata")?, read("data")?))
        })
        .collect();
    let mut wrong = Vec::new();
    for listing in sent.iter().filter(|listing| listing.account == CATALOGUE_ACCOUNT) {
        let name = &listing.name;
        let events: Vec<_> = logged.iter().filter(|(_, data)| data["name"] == *name).collect();
        if events.len() != 1 {
            wrong.push(format!("accounts: \"{name}\" was listed {} times", events.len()));
        }
        let actor = format!("account {}", listing.account);
        for (metadata, _) in events.into_iter().filter(|(it, _)| it["actor"] != *actor) {
            let by = &metadata["actor"];
            wrong.push(format!("accounts: \"{name}\" was listed by {by}, not by {actor}"));
        }
    }
    wrong
}
