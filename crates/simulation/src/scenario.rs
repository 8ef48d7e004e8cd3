//! What happens in a run, but for the faults: who orders what, who cancels, who reviews.

use std::collections::BTreeSet;
use std::time::Duration;

use chorus_events::OrderId;
use chorus_kernel::{RECORD_LIFETIME, derived_id};
use serde::{Deserialize, Serialize};

use crate::courier::{Conduct, Manner};
use crate::draw::Draw;
use crate::fault::{Faults, Trouble};

/// An item, its price in cents, its stock.
pub(crate) const ITEMS: [(&str, i64, u32); 3] =
    [("chai", 1_990, 8), ("piano", 125_000, 4), ("tea", 513, 60)];

/// The customers; what the bank and Customer do about them, their ids say.
pub(crate) const CUSTOMERS: [&str; 3] = ["ana", "bob-declined", "eve-blocked"];

/// A story that is told the same in every run, for faults to be tried on one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    /// An order that arrives.
    Delivered,
    /// An order of high value that goes abroad, and is canceled when its parcel is on its way.
    Canceled,
    /// Both, at the same time.
    #[default]
    Both,
}

impl Story {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Both => "both",
        }
    }
}

/// What a reviewer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    Approves,
    Declines,
    /// Approves, and then wants to decline.
    ChangesMind,
    /// Never comes: an operator declines once faults have stopped.
    Never,
}

/// One order, and what happens to it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedOrder {
    /// `order 1`
    pub(crate) name: String,
    /// The Idempotency-Key.
    pub(crate) key: String,
    pub(crate) order_id: OrderId,
    pub(crate) customer: &'static str,
    pub(crate) lines: Vec<(&'static str, u32)>,
    pub(crate) country: &'static str,
    pub(crate) at: Duration,
    /// How often the caller tries before going away.
    pub(crate) patience: u32,
    /// Another caller sends the same, or something else, with the same key.
    pub(crate) twin: Option<(Duration, bool)>,
    pub(crate) cancel: Option<Duration>,
    pub(crate) review: (Review, Duration),
    pub(crate) manner: Manner,
}

/// A run's story, but for its faults.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) orders: Vec<PlannedOrder>,
    pub(crate) troubles: BTreeSet<Trouble>,
    pub(crate) per_mille: u64,
    /// Whether the bank remembers a refund that came before its charge.
    pub(crate) bank_voids: bool,
    /// Whether the bank acts, and none of its answers to a charge arrive.
    pub(crate) bank_is_mute: bool,
    pub(crate) copies: u32,
    pub(crate) delay: Duration,
    pub(crate) poison: Vec<Duration>,
    pub(crate) redrives: Vec<Duration>,
    pub(crate) replays: Vec<Duration>,
    pub(crate) rebuilds: Vec<Duration>,
    pub(crate) prices: Vec<(Duration, &'static str, i64)>,
    /// So long after the end, when records have expired, callers repeat themselves.
    pub(crate) again: Option<Duration>,
}

const HOUR: u64 = 3_600_000;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A moment: within the second, the minute, the hour or the day, so that each scale is met.
fn moment(draw: &mut Draw) -> Duration {
    let span = draw.one_of(&[1_000, 60_000, HOUR, 30 * HOUR]);
    millis(draw.below(span))
}

impl Scenario {
    /// Draws a story of `orders` orders from `seed`: every seed is exposed to a part of `faults`
    /// of its own, so that every combination is met sooner or later.
    pub(crate) fn drawn(seed: u64, faults: &Faults, orders: u32) -> Self {
        let mut draw = Draw::of(seed, "scenario");
        let some = draw.percent(60);
        let exposed = |trouble: &Trouble| !some || draw_of(seed, *trouble).percent(60);
        let troubles: BTreeSet<Trouble> = faults.0.iter().copied().filter(exposed).collect();
        let has = |trouble| troubles.contains(&trouble);
        let mut moments = |trouble: Trouble, most: u64| {
            let count = if troubles.contains(&trouble) { 1 + draw.below(most) } else { 0 };
            (0..count).map(|_| moment(&mut draw)).collect::<Vec<_>>()
        };
        let poison = moments(Trouble::Poison, 2);
        let redrives = moments(Trouble::Redrives, 2);
        // Once and twice: the same letters may be sent back again right away.
        let redrives = redrives.iter().flat_map(|at| [*at, *at + millis(1)]).collect();
        let replays = moments(Trouble::Replays, 2);
        let rebuilds = moments(Trouble::Rebuilds, 2);
        let prices = moments(Trouble::Prices, 3);
        let mut draw = Draw::of(seed, "extent");
        let delay = [0, 2_000, 60_000, HOUR, 24 * HOUR];
        Self {
            seed,
            orders: (1..=orders).map(|number| order(seed, number, &troubles)).collect(),
            per_mille: draw.one_of(&[4, 15, 40, 80]),
            bank_voids: Draw::of(seed, "bank").percent(50),
            bank_is_mute: has(Trouble::LostAnswers) && draw.percent(10),
            copies: if has(Trouble::Duplicates) { draw.one_of(&[1, 2, 2, 5]) } else { 1 },
            delay: if has(Trouble::Delays) { millis(draw.one_of(&delay)) } else { Duration::ZERO },
            poison,
            redrives,
            replays,
            rebuilds,
            prices: prices
                .into_iter()
                .map(|at| (at, draw.one_of(&["chai", "tea"]), 500 + 10 * draw.below(200) as i64))
                .collect(),
            again: has(Trouble::Expiry).then(|| {
                let lifetime = millis(RECORD_LIFETIME.unsigned_abs() * 1_000);
                lifetime + millis(1_000 + draw.below(72 * HOUR))
            }),
            troubles,
        }
    }

    /// A story that every fault is tried on.
    pub(crate) fn fixed(story: Story) -> Self {
        let mut orders: Vec<PlannedOrder> =
            (1..=2).map(|number| order(0, number, &BTreeSet::new())).collect();
        orders[0].lines = vec![("chai", 2), ("tea", 1)];
        orders[0].country = "Germany";
        orders[1].lines = vec![("piano", 1)];
        orders[1].country = "France";
        orders[1].at = millis(20);
        orders[1].cancel = Some(millis(2_500));
        orders[1].manner.delivery = millis(600_000);
        match story {
            Story::Delivered => orders.truncate(1),
            Story::Canceled => drop(orders.remove(0)),
            Story::Both => {}
        }
        Self {
            seed: 0,
            orders,
            troubles: BTreeSet::new(),
            per_mille: 0,
            bank_voids: true,
            bank_is_mute: false,
            copies: 1,
            delay: Duration::ZERO,
            poison: Vec::new(),
            redrives: Vec::new(),
            replays: Vec::new(),
            rebuilds: Vec::new(),
            prices: Vec::new(),
            again: None,
        }
    }
}

fn draw_of(seed: u64, trouble: Trouble) -> Draw {
    Draw::of(seed, trouble.name())
}

fn order(seed: u64, number: u32, troubles: &BTreeSet<Trouble>) -> PlannedOrder {
    let name = format!("order {number}");
    let mut draw = Draw::of(seed, &name);
    let has = |trouble| troubles.contains(&trouble);
    let key = format!("{seed}-{number}");
    let customers = has(Trouble::Customers);
    let customer = match draw.below(10) {
        0 if customers => CUSTOMERS[1],
        1 if customers => CUSTOMERS[2],
        _ => CUSTOMERS[0],
    };
    let skus = draw.one_of::<&[&'static str]>(&[
        &["chai"],
        &["tea"],
        &["chai", "tea"],
        &["piano"],
        &["piano", "chai"],
        &["tea", "tea"],
    ]);
    let lines = skus.iter().map(|sku| (*sku, 1 + draw.below(3) as u32)).collect();
    let country = draw.one_of(&[
        "Germany", "Germany", "Germany", "Germany", "France", "France", "France", "Atlantis",
    ]);
    let patience = if customers { draw.one_of(&[1, 2, 8, 8]) } else { 12 };
    let cancel = (customers && draw.percent(35)).then(|| moment(&mut draw));
    let twin = (customers && draw.percent(20)).then(|| (moment(&mut draw), draw.percent(30)));
    let reviews = [Review::Approves, Review::Declines, Review::ChangesMind, Review::Never];
    let review = if has(Trouble::Reviews) { draw.one_of(&reviews) } else { Review::Approves };
    let conducts = [
        Conduct::Plain,
        Conduct::Plain,
        Conduct::Twice,
        Conduct::Cancels,
        Conduct::Silent,
        Conduct::Down,
    ];
    let manner = if has(Trouble::Carrier) {
        let conduct = draw.one_of(&conducts);
        Manner { conduct, pickup: moment(&mut draw), delivery: moment(&mut draw) }
    } else {
        Manner { conduct: Conduct::Plain, pickup: millis(50), delivery: millis(150) }
    };
    PlannedOrder {
        order_id: order_id(&key),
        name,
        key,
        customer,
        lines,
        country: if number > 1 && country == "Atlantis" && !customers {
            "Germany"
        } else {
            country
        },
        at: millis(draw.below(3_000)),
        patience,
        twin,
        cancel,
        review: (review, moment(&mut draw)),
        manner,
    }
}

/// The order that a caller's key names, as the service derives it.
fn order_id(key: &str) -> OrderId {
    let id = derived_id("order-id", key, 0).simple().to_string();
    id[..20].parse().expect("twenty hexadecimal digits are an order's id")
}
