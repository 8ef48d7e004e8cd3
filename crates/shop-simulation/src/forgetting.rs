//! Customers who are forgotten in a run, some of whom come back.

use std::time::Duration;

use chorus_simulation::{Client, Draws};

use crate::callers;
use crate::orders::CUSTOMER_IDS;
use crate::shop::FORGETTING;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Forgetting {
    pub(crate) customer: &'static str,
    pub(crate) at: Duration,
    /// Whether the customer is forgotten even while an order of theirs is open.
    pub(crate) despite: bool,
    /// How long after `at` the customer comes back; none if they never do.
    pub(crate) back: Option<Duration>,
}

impl Forgetting {
    pub(crate) fn drawn(draws: &mut Draws) -> Vec<Self> {
        let moments = draws.moments(FORGETTING, 2);
        let seed = &*draws;
        let forgetting = |(number, at): (usize, Duration)| {
            let mut draw = seed.of(&format!("forgetting {number}"));
            let [ana, declined, blocked, ..] = CUSTOMER_IDS;
            let customer = draw.one_of(&[ana, ana, ana, declined, blocked]);
            let despite = draw.percent(75);
            let back = draw.percent(50).then(|| draw.moment());
            Self { customer, at, despite, back }
        };
        moments.into_iter().enumerate().map(forgetting).collect()
    }

    /// The clients that ask the shop to forget customers, and those that store the customers again.
    /// Each comes with the time of its call.
    pub(crate) fn callers(all: &[Self]) -> Vec<(Duration, Client)> {
        let mut calls = Vec::new();
        for (time, it) in all.iter().enumerate() {
            calls.push((it.at, callers::forgets_customer(it.customer, it.despite, time)));
            if let Some(back) = it.back {
                calls.push((it.at + back, callers::stores_customer_again(it.customer, time)));
            }
        }
        calls
    }

    pub(crate) fn describe(&self) -> String {
        let Self { customer, at, despite, back } = self;
        let despite = if *despite { ", despite orders under way" } else { "" };
        let back = back.map(|back| format!(", and comes back {back:?} later")).unwrap_or_default();
        format!("{customer} is forgotten after {at:?}{despite}{back}")
    }
}
