//! The simulated provider's books: one entry for the payment intent of each charge, and one entry
//! for each refund.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::{
    Condition, Failure, Item, Key, Query, Reason, Store, StoreError, TableSpec, Update, Write,
    number, query_all, text,
};
use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use crate::{IntentId, IntentState, ListedIntent, ProviderError};

/// The table in which the simulated provider keeps its books.
pub const SIMULATED_PROVIDER_TABLE: TableSpec =
    TableSpec { name: "payment-provider", indexes: &[], ttl: None };

/// The partition key of the entries about charges and refunds. One partition is enough for a
/// simulated provider.
const LEDGER: &str = "ledger";

/// The partition that counts the requests with each idempotency key.
const REQUEST_COUNTS: &str = "asks";

/// The partition of charges that customers are asked to confirm. The sort key is the charge's
/// intent.
const CONFIRMATIONS: &str = "asked";

/// The partition of refused refunds, each with the idempotency key of the refused request.
const REFUSED: &str = "refused";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    Charge,
    Refund,
}

/// Money that the simulated provider moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub movement: Movement,
    pub amount: Money,
}

/// Returns all money that the simulated provider moved, charges before refunds.
///
/// # Errors
/// If the store fails, or an entry cannot be read.
pub async fn ledger(store: &dyn Store) -> Result<Vec<LedgerEntry>, Failure> {
    let query = Query::partition(SIMULATED_PROVIDER_TABLE.name, LEDGER);
    let items = query_all(store, query).await?;
    items.iter().filter_map(|item| read(item).transpose()).collect()
}

/// Reads an item of the books as an entry; `None` if no money was moved.
fn read(item: &Item) -> Result<Option<LedgerEntry>, Failure> {
    let corrupt = || Failure::corrupt("ledger entry", &text(item, "sk").unwrap_or_default());
    let movement = match text(item, "outcome") {
        Some("charged") => Movement::Charge,
        Some("refunded") => Movement::Refund,
        _ => return Ok(None),
    };
    let Charged { order_id, customer_id, amount } = Charged::read(item).ok_or_else(corrupt)?;
    Ok(Some(LedgerEntry { order_id, customer_id, movement, amount }))
}

/// The data of a charge that was made, whose amount is held, or that the customer has to confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charged {
    pub(super) order_id: OrderId,
    pub(super) customer_id: CustomerId,
    pub(super) amount: Money,
}

impl Charged {
    fn read(item: &Item) -> Option<Self> {
        Some(Self {
            order_id: text(item, "order-id")?.parse().ok()?,
            customer_id: text(item, "customer-id")?.parse().ok()?,
            amount: number(item, "cents").map(Money::from_minor)?,
        })
    }

    fn write(&self, item: &mut Item) {
        let mut set = |name: &str, value| item.insert(name.to_owned(), value);
        set("order-id", AttributeValue::S(self.order_id.to_string()));
        set("customer-id", AttributeValue::S(self.customer_id.to_string()));
        set("cents", AttributeValue::N(self.amount.minor().to_string()));
    }
}

/// The result of a charge's payment intent. Only [`Outcome::Authorized`] may still be followed by
/// another result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Charged(Charged),
    /// The bank holds the amount until the amount is captured or released.
    Authorized(Charged),
    Declined,
    /// The payment intent was canceled, or the bank no longer holds the amount. Nothing is charged.
    Voided,
}

#[derive(Clone)]
pub(super) struct Books {
    pub(super) store: Arc<dyn Store>,
}

impl Books {
    /// Stores `outcome` for the payment intent, unless an outcome is stored already. Returns the
    /// stored outcome, and whether this call stored it.
    pub(super) async fn enter(
        &self,
        intent: &str,
        order_id: &OrderId,
        outcome: Outcome,
    ) -> Result<(Outcome, bool), ProviderError> {
        self.enter_at(at(LEDGER, format!("charge#{intent}")), order_id, outcome).await
    }

    /// Stores the outcome of an amount that was held, unless the outcome of this amount is stored
    /// already. Returns the stored outcome, and whether this call stored it.
    pub(super) async fn settle(
        &self,
        intent: &str,
        order_id: &OrderId,
        outcome: Outcome,
    ) -> Result<(Outcome, bool), ProviderError> {
        self.enter_at(settled(intent), order_id, outcome).await
    }

    async fn enter_at(
        &self,
        key: Key,
        order_id: &OrderId,
        outcome: Outcome,
    ) -> Result<(Outcome, bool), ProviderError> {
        let mut item = key.to_item();
        item.insert("order".to_owned(), AttributeValue::S(order_id.to_string()));
        let name = match &outcome {
            Outcome::Charged(charged) => {
                charged.write(&mut item);
                "charged"
            }
            Outcome::Authorized(held) => {
                held.write(&mut item);
                "authorized"
            }
            Outcome::Declined => "declined",
            Outcome::Voided => "voided",
        };
        item.insert("outcome".to_owned(), AttributeValue::S(name.to_owned()));
        if self.put_new(&key, item).await? {
            return Ok((outcome, true));
        }
        let entered = self.read(&key, outcome_of).await?;
        entered.map(|outcome| (outcome, false)).ok_or_else(|| unanswered("cannot read its books"))
    }

    /// Returns the outcome of a payment intent; `None` if no outcome is stored yet.
    pub(super) async fn outcome(&self, intent: &str) -> Result<Option<Outcome>, ProviderError> {
        let known = self.read(&at(LEDGER, format!("charge#{intent}")), outcome_of).await?;
        match known {
            Some(Outcome::Authorized(_)) => {
                Ok(self.read(&settled(intent), outcome_of).await?.or(known))
            }
            known => Ok(known),
        }
    }

    /// Returns the order of a charge that was made, was authorized, or waits for the customer.
    pub(super) async fn order(&self, intent: &str) -> Result<Option<OrderId>, ProviderError> {
        let whose = |item: &Item| Charged::read(item).map(|charged| charged.order_id);
        let charged = self.read(&at(LEDGER, format!("charge#{intent}")), whose).await?;
        if charged.is_some() {
            return Ok(charged);
        }
        self.read(&at(CONFIRMATIONS, intent.to_owned()), whose).await
    }

    /// Returns every payment intent that was confirmed or canceled. Leaves out charges that an
    /// earlier release of this program declined or canceled, because that release did not store
    /// their order.
    pub(super) async fn listed(&self) -> Result<Vec<ListedIntent>, ProviderError> {
        let entries = self.partition(LEDGER).await?;
        let parts = |item: &Item| Some((text(item, "sk")?.to_owned(), item.clone()));
        let entries: BTreeMap<String, Item> = entries.iter().filter_map(parts).collect();
        let mut listed = Vec::new();
        for (key, entry) in &entries {
            let Some(intent) = key.strip_prefix("charge#").filter(|it| !it.contains('#')) else {
                continue;
            };
            let settled = entries.get(&format!("charge#{intent}#settled"));
            let refunded = entries.contains_key(&format!("refund#{intent}"));
            let state = match outcome_of(settled.unwrap_or(entry)) {
                _ if refunded => IntentState::Refunded,
                Some(Outcome::Charged(_)) => IntentState::Confirmed,
                Some(Outcome::Authorized(_)) => IntentState::Held,
                Some(Outcome::Voided) => IntentState::Canceled,
                Some(Outcome::Declined) | None => IntentState::Open,
            };
            listed.extend(listed_as(intent, entry, state));
        }
        for item in self.partition(CONFIRMATIONS).await? {
            let Some(intent) = text(&item, "sk") else { continue };
            if !entries.contains_key(&format!("charge#{intent}")) {
                listed.extend(listed_as(intent, &item, IntentState::Confirmed));
            }
        }
        Ok(listed)
    }

    async fn partition(&self, pk: &'static str) -> Result<Vec<Item>, ProviderError> {
        let query = Query::partition(SIMULATED_PROVIDER_TABLE.name, pk);
        query_all(&*self.store, query).await.map_err(|error| closed(&error))
    }

    /// Whether a charge was refunded.
    pub(super) async fn is_refunded(&self, intent: &str) -> Result<bool, ProviderError> {
        let refund = at(LEDGER, format!("refund#{intent}"));
        Ok(self.read(&refund, |_| Some(())).await?.is_some())
    }

    /// Stores `now` as the time since which the customer is asked to confirm a charge, unless an
    /// earlier call stored a time. Returns the stored time.
    pub(super) async fn ask(
        &self,
        intent: &str,
        charged: &Charged,
        now: Timestamp,
    ) -> Result<Timestamp, ProviderError> {
        let key = at(CONFIRMATIONS, intent.to_owned());
        let mut item = key.to_item();
        charged.write(&mut item);
        item.insert("since".to_owned(), AttributeValue::N(now.as_millisecond().to_string()));
        if self.put_new(&key, item).await? {
            return Ok(now);
        }
        Ok(self.read(&key, since).await?.unwrap_or(now))
    }

    /// Returns the charges that customers were asked to confirm: the intent, the charge, and since
    /// when the customer has been asked. Leaves out a charge once the shop has accepted the
    /// provider's notice of the charge's result.
    pub(super) async fn asked(&self) -> Result<Vec<(String, Charged, Timestamp)>, ProviderError> {
        let page =
            self.store.query(&Query::partition(SIMULATED_PROVIDER_TABLE.name, CONFIRMATIONS)).await;
        let asked = page.map_err(|error| closed(&error))?.items;
        let read =
            |item: &Item| Some((text(item, "sk")?.to_owned(), Charged::read(item)?, since(item)?));
        Ok(asked.iter().filter_map(read).collect())
    }

    /// Removes a charge from the result of [`Books::asked`], because the shop has accepted the
    /// provider's notice of the charge's result.
    pub(super) async fn notice_accepted(&self, intent: &str) -> Result<(), ProviderError> {
        let delete = Write::Delete { key: at(CONFIRMATIONS, intent.to_owned()) };
        self.store.write(&[delete]).await.map_err(|error| closed(&error))
    }

    async fn read<T>(
        &self,
        key: &Key,
        read: impl FnOnce(&Item) -> Option<T>,
    ) -> Result<Option<T>, ProviderError> {
        let item = self.store.get(key).await.map_err(|error| closed(&error))?;
        Ok(item.as_ref().and_then(read))
    }

    /// Refunds a charge, once. Returns whether this call made the refund.
    pub(super) async fn refund(
        &self,
        intent: &str,
        charged: &Charged,
    ) -> Result<bool, ProviderError> {
        let key = at(LEDGER, format!("refund#{intent}"));
        let mut item = key.to_item();
        charged.write(&mut item);
        item.insert("outcome".to_owned(), AttributeValue::S("refunded".to_owned()));
        self.put_new(&key, item).await
    }

    /// Whether a request to refund the charge is refused, if the request has this key. The first
    /// request is refused, and its key is stored. Later requests with the same key are refused,
    /// too. Requests with different keys are accepted.
    pub(super) async fn refuses(&self, intent: &str, key: &str) -> Result<bool, ProviderError> {
        let refused = at(REFUSED, intent.to_owned());
        let mut item = refused.to_item();
        item.insert("key".to_owned(), AttributeValue::S(key.to_owned()));
        if self.put_new(&refused, item).await? {
            return Ok(true);
        }
        let is_first = |item: &Item| Some(text(item, "key") == Some(key));
        Ok(self.read(&refused, is_first).await? == Some(true))
    }

    /// Counts a request with `key`. Returns the number of requests with `key`, this one included.
    pub(super) async fn count(&self, key: &str) -> Result<i64, ProviderError> {
        let key = at(REQUEST_COUNTS, key.to_owned());
        let updates = vec![Update::Add { attribute: "asks", amount: 1 }];
        let add = Write::Update { key: key.clone(), updates, condition: None };
        self.store.write(&[add]).await.map_err(|error| closed(&error))?;
        let counted = self.store.get(&key).await.map_err(|error| closed(&error))?;
        Ok(counted.as_ref().and_then(|item| number(item, "asks")).unwrap_or_default())
    }

    async fn put_new(&self, key: &Key, item: Item) -> Result<bool, ProviderError> {
        let condition = Some(Condition::Absent);
        match self.store.write(&[Write::Put { key: key.clone(), item, condition }]).await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused(reasons)) if reasons.iter().all(is_condition) => Ok(false),
            Err(error) => Err(closed(&error)),
        }
    }
}

fn outcome_of(item: &Item) -> Option<Outcome> {
    Some(match text(item, "outcome")? {
        "charged" => Outcome::Charged(Charged::read(item)?),
        "authorized" => Outcome::Authorized(Charged::read(item)?),
        "declined" => Outcome::Declined,
        _ => Outcome::Voided,
    })
}

fn listed_as(intent: &str, item: &Item, state: IntentState) -> Option<ListedIntent> {
    let order_id = text(item, "order").or_else(|| text(item, "order-id"))?.parse().ok()?;
    Some(ListedIntent { intent: IntentId(intent.to_owned()), order_id, state })
}

fn since(item: &Item) -> Option<Timestamp> {
    Timestamp::from_millisecond(number(item, "since")?).ok()
}

/// The key of the entry with the outcome of an amount that was held.
fn settled(intent: &str) -> Key {
    at(LEDGER, format!("charge#{intent}#settled"))
}

fn at(pk: &str, sk: String) -> Key {
    Key { table: SIMULATED_PROVIDER_TABLE.name, pk: pk.to_owned(), sk }
}

fn is_condition(reason: &Reason) -> bool {
    matches!(reason, Reason::Condition(_))
}

fn closed(error: &StoreError) -> ProviderError {
    unanswered(&format!("cannot reach its books: {error}"))
}

fn unanswered(why: &str) -> ProviderError {
    ProviderError::Unknown(format!("it {why}"))
}
