//! Checks that no data about a forgotten customer can be decrypted, even after replays, rebuilds
//! and repeated requests. Also checks that the data of customers who come back can be decrypted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chorus_events::OrderId;
use chorus_kernel::{Item, PERSON_KEYS_TABLE, PersonKey, SealingKey};
use chorus_notification::Contact;
use chorus_simulation::{Client, Environment, Observed, Watch};
use chorus_table::Sealed;
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::AttributeValue;
use serde_json::json;

use crate::callers::{CANARY, DOMAIN_OF_RETURNED, PUT_CUSTOMER};

/// For how long a destroyed encryption key may still be used. A function remembers keys for one
/// minute, and the clocks of two invocations differ by up to ten minutes.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(11);

/// What the run has observed of one customer: the keys, the erasure and the requests.
#[derive(Debug, Default)]
struct Person {
    key: Option<SealingKey>,
    destroyed: Vec<(Timestamp, SealingKey)>,
    /// When the customer was last forgotten.
    forgotten_at: Option<Timestamp>,
    /// The clients' requests to store the customer, by the client's name.
    kept: BTreeMap<String, Keep>,
}

/// A client's request to store a customer: the times of its first and its last attempt.
#[derive(Debug, Clone, Copy)]
struct Keep {
    first: Timestamp,
    last: Timestamp,
    /// When the request was answered, and with which status.
    answered: Option<(Timestamp, u16)>,
}

#[derive(Debug, Default)]
struct Known {
    people: BTreeMap<String, Person>,
    /// For each order, the customer's id, and the encrypted address as Delivery stores it.
    addresses: BTreeMap<OrderId, (String, Sealed)>,
}

/// Watches a run, and reports data about forgotten customers that can still be decrypted.
pub(crate) struct Forgotten {
    environment: Arc<Environment>,
    known: Mutex<Known>,
}

impl Forgotten {
    pub(crate) fn new(environment: &Arc<Environment>) -> Arc<Self> {
        Arc::new(Self { environment: Arc::clone(environment), known: Mutex::default() })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns two watches. One records every key that is made or destroyed; the other records the
    /// encrypted address of each order.
    pub(crate) fn watches(self: &Arc<Self>) -> [Watch; 2] {
        let (keys, deliveries) = (Arc::clone(self), Arc::clone(self));
        [
            Watch::new(PERSON_KEYS_TABLE.name, move |item| keys.changed(item)),
            Watch::new(chorus_delivery::TABLE.name, move |item| {
                deliveries.remember_address(item);
                None
            }),
        ]
    }

    fn changed(&self, item: &Item) -> Option<String> {
        let PersonKey { person, key, .. } = serde_dynamo::from_item(item.clone()).ok()?;
        let mut known = self.known();
        let known = known.people.entry(person.clone()).or_default();
        let now = self.environment.now();
        let came_back = known.destroyed.iter().any(|(_, destroyed)| Some(*destroyed) == key);
        if let Some(before) = known.key.filter(|before| Some(*before) != key) {
            known.destroyed.push((now, before));
        }
        if key.is_none() {
            known.forgotten_at = Some(now);
        }
        known.key = key;
        came_back.then(|| format!("forgotten: the destroyed key of {person} is stored again"))
    }

    fn remember_address(&self, item: &Item) {
        let delivery = serde_dynamo::from_item::<_, chorus_delivery::Delivery>(item.clone());
        let Some((order_id, plan)) = delivery.ok().and_then(|it| Some((it.order_id, it.plan?)))
        else {
            return;
        };
        let address = (plan.customer_id.to_string(), plan.shipping_address.name);
        self.known().addresses.insert(order_id, address);
    }

    /// Checks a text that a function decrypts now. Reports a violation if the text is not
    /// encrypted, or if its key was destroyed so long ago that no function may remember the key.
    pub(crate) fn read(&self, person: &str, text: &Sealed) {
        let now = self.environment.now();
        let known = self.known();
        let Some(person_keys) = known.people.get(person) else { return };
        if text.ciphertext().is_none() {
            self.environment.violated(format!("forgotten: a text about {person} is not encrypted"));
        }
        let destroyed = |(at, key): &(Timestamp, SealingKey)| {
            now.duration_since(*at) > REMEMBERED && key.open(text).is_some()
        };
        if person_keys.destroyed.iter().any(destroyed) {
            self.environment.violated(format!(
                "forgotten: a text about {person} was decrypted after the key was destroyed"
            ));
        }
    }

    /// Checks the address of an order when the carrier gets it; see [`read`](Self::read).
    pub(crate) fn address_was_given(&self, order_id: &OrderId) {
        let known = self.known().addresses.get(order_id).cloned();
        match known {
            Some((person, address)) => self.read(&person, &address),
            None => self.environment.violated(format!(
                "forgotten: the carrier got an address for {order_id}, but Delivery stored none"
            )),
        }
    }

    /// Records that a client sends its request.
    pub(crate) fn record_request(&self, client: &Client, now: Timestamp) {
        let Some(person) = kept_by(client) else { return };
        let mut known = self.known();
        let kept = &mut known.people.entry(person.to_owned()).or_default().kept;
        let keep = Keep { first: now, last: now, answered: None };
        kept.entry(client.name.clone()).or_insert(keep).last = now;
    }

    /// Records the answer that a client got.
    pub(crate) fn answers(&self, client: &Client, status: u16) {
        let Some(person) = kept_by(client) else { return };
        let now = self.environment.now();
        let mut known = self.known();
        let person = known.people.entry(person.to_owned()).or_default();
        if let Some(keep) = person.kept.get_mut(&client.name) {
            keep.answered = Some((now, status));
        }
    }

    /// How many customers were forgotten.
    pub(crate) fn count(&self) -> u64 {
        let known = self.known();
        known.people.values().filter(|it| it.forgotten_at.is_some()).count() as u64
    }

    pub(crate) fn was_forgotten(&self, person: &str) -> bool {
        let known = self.known();
        known.people.get(person).is_some_and(|it| it.forgotten_at.is_some())
    }

    /// Returns the violations in the items of `tables`.
    pub(crate) fn check(&self, observed: &Observed, tables: &[&'static str]) -> Vec<String> {
        let known = self.known();
        let mut needles = vec![(CANARY.to_owned(), "personal data of a customer")];
        let destroyed = known.people.values().flat_map(|it| &it.destroyed);
        let destroyed = destroyed.filter_map(|(_, key)| hexadecimal(*key));
        needles.extend(destroyed.map(|key| (key, "a key that was destroyed")));
        let mut wrong = Vec::new();
        for table in tables {
            let items = observed.items(table);
            for (needle, what) in &needles {
                if items.iter().any(|item| item.values().any(|value| holds(value, needle))) {
                    wrong.push(format!("forgotten: {table} holds {what}"));
                }
            }
        }
        wrong.extend(check_erased(observed, &known));
        wrong.extend(check_back(observed, &known));
        wrong
    }
}

/// The customer whom the client's request stores.
fn kept_by(client: &Client) -> Option<&str> {
    if client.route == PUT_CUSTOMER {
        client.request.path.get("id").map(String::as_str)
    } else {
        None
    }
}

/// Checks that the names and addresses of forgotten customers are erased, except for customers whom
/// a later request has stored again.
fn check_erased(observed: &Observed, known: &Known) -> Vec<String> {
    let (customers, contacts) = (customers(observed), contacts(observed));
    let mut wrong = Vec::new();
    for (person, known) in &known.people {
        let Some(forgotten) = known.forgotten_at else { continue };
        let ended = |it: &Keep| it.answered.is_some_and(|(at, _)| at < forgotten);
        if !known.kept.values().all(|it| it.last < forgotten && ended(it)) {
            continue;
        }
        if customers.get(person).is_some_and(|it| !it.is_erased()) {
            wrong.push(format!("forgotten: Customer still stores the details of {person}"));
        }
        if contacts.get(person).is_some_and(|it| !it.is_erased()) {
            wrong.push(format!("forgotten: Notification still stores the address of {person}"));
        }
    }
    wrong
}

/// Checks that Customer and Notification can decrypt the details of customers who came back after
/// an erasure.
fn check_back(observed: &Observed, known: &Known) -> Vec<String> {
    let (customers, contacts) = (customers(observed), contacts(observed));
    let mut wrong = Vec::new();
    for (person, known) in &known.people {
        let Some(forgotten) = known.forgotten_at else { continue };
        let is_kept = |it: &Keep| matches!(it.answered, Some((_, 200..=299)));
        if !known.kept.values().any(|it| it.first > forgotten && is_kept(it)) {
            continue;
        }
        let reads = |text: &Sealed| {
            let text = known.key.and_then(|key| key.open(text));
            text.is_some_and(|text| text.ends_with(DOMAIN_OF_RETURNED))
        };
        if !customers.get(person).is_some_and(|it| reads(&it.email)) {
            wrong.push(format!(
                "forgotten: {person} came back, but Customer cannot decrypt their email address"
            ));
        }
        if !contacts.get(person).is_some_and(|it| reads(&it.email)) {
            wrong.push(format!(
                "forgotten: {person} came back, but Notification cannot decrypt their email address"
            ));
        }
    }
    wrong
}

fn customers(observed: &Observed) -> BTreeMap<String, chorus_customer::Customer> {
    let items = observed.items(chorus_customer::TABLE.name).into_iter();
    let read =
        items.filter_map(|it| serde_dynamo::from_item::<_, chorus_customer::Customer>(it).ok());
    read.map(|it| (it.customer_id.to_string(), it)).collect()
}

fn contacts(observed: &Observed) -> BTreeMap<String, Contact> {
    let items = observed.items(chorus_notification::TABLE.name).into_iter();
    let contacts = items
        .filter(|item| chorus_kernel::text(item, "pk").is_some_and(|pk| pk.starts_with("contact")));
    let read = contacts.filter_map(|it| serde_dynamo::from_item::<_, Contact>(it).ok());
    read.map(|it| (it.customer_id.to_string(), it)).collect()
}

/// A key in the form in which it is stored.
fn hexadecimal(key: SealingKey) -> Option<String> {
    json!(key).as_str().map(ToOwned::to_owned)
}

/// Whether an attribute contains a text, at any depth.
fn holds(value: &AttributeValue, text: &str) -> bool {
    match value {
        AttributeValue::S(own) => own.contains(text),
        AttributeValue::L(values) => values.iter().any(|it| holds(it, text)),
        AttributeValue::M(fields) => fields.values().any(|it| holds(it, text)),
        AttributeValue::Ss(all) => all.iter().any(|it| it.contains(text)),
        _ => false,
    }
}
