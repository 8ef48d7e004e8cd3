//! Finds the problems that the rehearsal of an upgrade reveals: compares the shop's state before
//! the rehearsal with the state after the rehearsal.

use std::collections::{BTreeMap, BTreeSet};

use chorus_kernel::Clock;
use chorus_local::{Accepted, DeadLetter, DeliveryId, Local, Selection};
use chorus_order::Status;
use jiff::Timestamp;
use serde_json::Value;

use super::rehearsed::RehearsedShop;
use super::{Problem, ProblemKind, UpgradeError};
use crate::accounts::books;
use crate::doctor::{self, Checkup};
use crate::{Accounts, OrderAccount};

/// The shop's state before the rehearsal.
pub(super) struct Evidence {
    events: Vec<Accepted>,
    dead_letters: BTreeSet<DeliveryId>,
    checkup: Checkup,
}

impl Evidence {
    pub(super) async fn before(shop: &RehearsedShop) -> Result<Self, UpgradeError> {
        let letters = shop.local.dead_letters(&Selection::default());
        Ok(Self {
            events: archive(&shop.local).await?,
            dead_letters: letters.iter().map(|letter| letter.id).collect(),
            checkup: examine(shop).await.unwrap_or_default(),
        })
    }

    /// Returns the problems that exist after the rehearsal. Dead letters, reported failures, second
    /// charges and the doctor's discrepancies count only if they did not exist before the
    /// rehearsal.
    pub(super) async fn problems(
        self,
        shop: &RehearsedShop,
        before: &Accounts,
        after: &Accounts,
    ) -> Result<Vec<Problem>, UpgradeError> {
        let mut problems = self.refused_events(&shop.local);
        let checkup = examine(shop).await.unwrap_or_else(|unreadable| {
            problems.push(unreadable);
            Checkup::default()
        });
        problems.extend(self.refused_steps(&checkup));
        problems.extend(unreadable_orders(shop, after).await);
        problems.extend(after.orders.iter().filter(|it| it.status == Status::Open).map(|order| {
            let id = order.order_id.as_str();
            problem(ProblemKind::Stuck, id, waits_for(&checkup, id))
        }));
        problems.extend(self.disagreements(shop, &checkup).await?);
        let mut events = self.events;
        events.extend(shop.taken().iter().map(|event| (**event).clone()));
        problems.extend(answered_twice(&events));
        problems.extend(charged_again(before, after));
        Ok(problems)
    }

    fn refused_events(&self, local: &Local) -> Vec<Problem> {
        let letters = local.dead_letters(&Selection::default());
        let new = letters.iter().filter(|letter| !self.dead_letters.contains(&letter.id));
        new.map(refused_event).collect()
    }

    /// Returns a problem for each failure that a service reported to operators during the
    /// rehearsal.
    fn refused_steps(&self, checkup: &Checkup) -> Vec<Problem> {
        let new = checkup.attention.iter().filter(|it| !self.checkup.attention.contains(it));
        new.map(|it| {
            problem(ProblemKind::Refused, &it.order_id, format!("{}: {}", it.event, it.reason))
        })
        .collect()
    }

    async fn disagreements(
        &self,
        shop: &RehearsedShop,
        checkup: &Checkup,
    ) -> Result<Vec<Problem>, UpgradeError> {
        let mut found =
            books::disagreements(&shop.local, &shop.partners).await.map_err(UpgradeError::Books)?;
        found.extend(checkup.discrepancies.iter().cloned());
        found.retain(|it| !self.checkup.discrepancies.contains(it));
        let views = found.into_iter().map(|it| {
            let what = format!("{}: {}", it.about, it.problem);
            Problem::about_no_order(ProblemKind::Inconsistent, what)
        });
        Ok(views.collect())
    }
}

fn problem(kind: ProblemKind, order_id: &str, what: String) -> Problem {
    Problem { kind, order_id: Some(order_id.to_owned()), what }
}

async fn archive(local: &Local) -> Result<Vec<Accepted>, UpgradeError> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = local.archive(Timestamp::MIN, Timestamp::MAX, after).await?;
        let Some(last) = page.last() else { return Ok(events) };
        after = last.sequence;
        events.extend(page);
    }
}

/// Returns the doctor's findings about all orders. If the doctor cannot read the shop's records,
/// returns a problem that says so.
async fn examine(shop: &RehearsedShop) -> Result<Checkup, Problem> {
    let store = shop.local.store().as_ref();
    doctor::examine(store, shop.clock.now(), Timestamp::MIN).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|it| format!(": {it}"));
        let what = format!("{error}{}", cause.unwrap_or_default());
        Problem::about_no_order(ProblemKind::Unreadable, what)
    })
}

fn refused_event(letter: &DeadLetter) -> Problem {
    let fault = &letter.cause.fault;
    let what =
        format!("{} fails on {} in every attempt: {fault}", letter.rule, letter.event.detail_type);
    problem(ProblemKind::Refused, &letter.event.correlation_id, what)
}

fn waits_for(checkup: &Checkup, order_id: &str) -> String {
    let stuck = checkup.stuck.iter().find(|it| it.order_id == order_id);
    stuck.map_or_else(
        || "the order has not ended, and no event or timer will continue it".to_owned(),
        |it| format!("waits for {} of {} after {}", it.expected.join(" or "), it.action, it.after),
    )
}

/// Returns the orders that the API cannot show.
async fn unreadable_orders(shop: &RehearsedShop, accounts: &Accounts) -> Vec<Problem> {
    let mut problems = Vec::new();
    for OrderAccount { order_id, .. } in &accounts.orders {
        if let Err(refusal) = shop.get(&format!("/orders/{order_id}")).await {
            problems.push(problem(ProblemKind::Unreadable, order_id.as_str(), refusal));
        }
    }
    problems
}

/// Returns a problem for each event or request that caused several different events of one type.
fn answered_twice(events: &[Accepted]) -> Vec<Problem> {
    let mut answers: BTreeMap<(String, &str), (&str, BTreeSet<&str>)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.replay.is_none()) {
        if let Some(cause) = causation_id(&event.json) {
            let answer = answers.entry((cause, &event.detail_type)).or_default();
            answer.0 = &event.correlation_id;
            answer.1.insert(&event.event_id);
        }
    }
    let repeated = answers.into_iter().filter(|(_, (_, ids))| ids.len() > 1);
    repeated
        .map(|((_, kind), (about, ids))| {
            let what = format!("{} different {kind} are published because of one event", ids.len());
            problem(ProblemKind::Repeated, about, what)
        })
        .collect()
}

fn causation_id(json: &str) -> Option<String> {
    let event: Value = serde_json::from_str(json).ok()?;
    event["detail"]["metadata"]["causation-id"].as_str().map(ToOwned::to_owned)
}

/// Returns the orders that the provider charged again during the rehearsal.
fn charged_again(before: &Accounts, after: &Accounts) -> Vec<Problem> {
    let charges = |accounts: &Accounts| -> BTreeMap<String, usize> {
        let charges = accounts.orders.iter().map(|it| (it.order_id.to_string(), it.charges));
        charges.collect()
    };
    let before = charges(before);
    let now = charges(after).into_iter();
    now.filter(|(id, times)| *times > before.get(id).copied().unwrap_or_default().max(1))
        .map(|(id, times)| {
            problem(ProblemKind::Repeated, &id, format!("the order is charged {times} times"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(id: &str, detail_type: &str, cause: Option<&str>) -> Accepted {
        let detail = json!({ "metadata": { "causation-id": cause }, "data": {} });
        Accepted {
            sequence: 0,
            id: Uuid::nil(),
            event_id: id.to_owned(),
            correlation_id: "order-1".to_owned(),
            tenant: None,
            source: "com.payment".to_owned(),
            detail_type: detail_type.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            json: Arc::from(json!({ "detail": detail }).to_string()),
            replay: None,
        }
    }

    #[test]
    fn an_event_that_is_published_again_is_the_same_and_another_one_for_its_cause_is_a_repetition()
    {
        let history = [
            event("a", "PaymentMade", Some("cause")),
            event("a", "PaymentMade", Some("cause")),
            event("b", "EmailSent", Some("cause")),
            event("c", "OrderCreated", None),
            event("d", "OrderCreated", None),
        ];
        assert_eq!(answered_twice(&history), []);
        let again = [history[0].clone(), event("e", "PaymentMade", Some("cause"))];
        let what = "2 different PaymentMade are published because of one event".to_owned();
        assert_eq!(answered_twice(&again), [problem(ProblemKind::Repeated, "order-1", what)]);
    }

    #[test]
    fn a_second_charge_is_named_unless_it_was_there_before() {
        let accounts = |charges| {
            let order = OrderAccount {
                order_id: "order-1".parse().unwrap(),
                status: Status::Delivered,
                total: "5.00".parse().unwrap(),
                reason: None,
                charged: "5.00".parse().unwrap(),
                charges,
                refunded: "0".parse().unwrap(),
            };
            Accounts { orders: vec![order], ..Accounts::default() }
        };
        assert_eq!(charged_again(&accounts(0), &accounts(1)), []);
        assert_eq!(charged_again(&accounts(2), &accounts(2)), []);
        let named = charged_again(&accounts(1), &accounts(2));
        let what = "the order is charged 2 times".to_owned();
        assert_eq!(named, [problem(ProblemKind::Repeated, "order-1", what)]);
    }
}
