//! What people do in a run: who orders what, which orders are canceled, and how they are reviewed.

use std::time::Duration;

use chorus_events::{Country, Money, OrderId, PaymentCapture, Settings};
use chorus_http::customers_key;
use chorus_order::IdSecret;
use chorus_simulation::{Draw, Draws, Script, Trouble};
use serde::Serialize;

use crate::accounts::SentListing;
use crate::bank::{BankBehavior, Lapse, NoticeDelivery, Refunds};
use crate::courier::{BehaviorKind, CarrierBehavior};
use crate::forgetting::Forgetting;
use crate::shop::{ACCOUNTS, CARRIER, CUSTOMERS, PRICES, REFUNDS, REVIEWS};

/// The items: SKU, price in cents, stock.
pub(crate) const ITEMS: [(&str, i64, u32); 3] =
    [("chai", 1_990, 8), ("piano", 125_000, 4), ("tea", 513, 60)];

/// The customers. Their ids determine the answers of the simulated payment provider and of the
/// service Customer.
pub(crate) const CUSTOMER_IDS: [&str; 5] =
    ["ana", "bob-declined", "eve-blocked", "kim-confirms", "leo-never-confirms"];

/// The customer who places many orders at once.
pub(crate) const NOISY: &str = "noisy";

/// A country that the carrier does not serve: Antarctica.
const UNSERVED: &str = "AQ";

/// An amount below the total of every order, whichever price applies. With this threshold, every
/// order is reviewed.
const LEAST: Money = Money::from_minor(500);

/// With this limit, the shop accepts one order a minute from each customer.
pub(crate) const ONE_BY_ONE: u32 = 1;

const MANY: u32 = Settings::DEFAULT.orders_per_minute;

/// A fixed script of orders. Campaigns run the script once for each single fault, or for each pair
/// of faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    Delivered,
    /// An order of high value that goes abroad, and is canceled while its parcel is on its way.
    Canceled,
    /// The orders of `Delivered` and `Canceled`, at the same time.
    #[default]
    Both,
    /// A customer is forgotten: one order was delivered before, and another is still on its way.
    /// Later, the customer comes back.
    Forgotten,
    /// Two orders of a shop that charges when parcels leave: one is delivered, and one is canceled
    /// before its parcel leaves.
    WhenShipped,
    /// An order whose customer confirms the charge at once. The provider's notice comes before the
    /// shop waits for the confirmation.
    Confirmed,
}

impl Story {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Both => "both",
            Self::Forgotten => "forgotten",
            Self::WhenShipped => "when-shipped",
            Self::Confirmed => "confirmed",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    Approves,
    Declines,
    /// The reviewer approves, and then tries to decline.
    ChangesMind,
    /// No reviewer decides; an operator declines after faults have stopped.
    Never,
}

/// One order, and what happens to it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedOrder {
    /// The name in traces, such as `order 1`.
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) order_id: OrderId,
    pub(crate) customer: &'static str,
    pub(crate) lines: Vec<(&'static str, u32)>,
    pub(crate) country: &'static str,
    pub(crate) at: Duration,
    /// How many times the client tries before it gives up.
    pub(crate) patience: u32,
    /// How long after the first client a second one sends an order with the same key, and whether
    /// the second order differs from this one.
    pub(crate) twin: Option<(Duration, bool)>,
    pub(crate) cancel: Option<Duration>,
    pub(crate) review: (Review, Duration),
    pub(crate) carrier: CarrierBehavior,
    /// What the bank and the customer do about the order's payment.
    pub(crate) bank: BankBehavior,
    /// Whether an operator requests the order's refund again if the refund was refused or failed.
    pub(crate) retries_refund: bool,
}

/// What people do in a run, and how prices change.
#[derive(Debug, Clone)]
pub struct Orders {
    pub(crate) settings: Settings,
    pub(crate) orders: Vec<PlannedOrder>,
    pub(crate) prices: Vec<(Duration, &'static str, i64)>,
    pub(crate) forgettings: Vec<Forgetting>,
    /// The commands that other AWS accounts send.
    pub(crate) sent: Vec<SentListing>,
    /// Whether clocks are right, and no request continues after it has timed out. If so, the time
    /// `placed_at` of an order is shortly after the shop counted the order's request. (The shop
    /// limits how many requests it accepts from a customer in a minute.)
    pub(crate) punctual: bool,
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

impl Orders {
    pub(crate) fn drawn(size: u32, draws: &mut Draws) -> Self {
        let moments = draws.moments(PRICES, 3);
        let mut price = |at| {
            let sku = draws.quantities.one_of(&["chai", "tea"]);
            (at, sku, 500 + 10 * draws.quantities.below(200) as i64)
        };
        let prices = moments.into_iter().map(&mut price).collect();
        let forgettings = Forgetting::drawn(draws);
        let mut orders: Vec<PlannedOrder> = (1..=size).map(|number| order(draws, number)).collect();
        if draws.has(Trouble::NOISY_TENANT) {
            orders.extend(noisy_orders(draws, size));
        }
        let sent = if draws.has(ACCOUNTS) { SentListing::drawn(draws) } else { Vec::new() };
        let punctual = !draws.has(Trouble::SKEW) && !draws.has(Trouble::TIMEOUTS);
        Self { settings: settings(draws), orders, prices, forgettings, sent, punctual }
    }

    /// Whether the order has to be reviewed.
    pub(crate) fn is_reviewed(&self, order: &PlannedOrder) -> bool {
        self.settings.review_above <= LEAST || order.lines.iter().any(|(sku, _)| *sku == "piano")
    }

    pub(crate) fn fixed(story: Story) -> Self {
        let plain = Draws::plain();
        let mut orders: Vec<PlannedOrder> = (1..=2).map(|number| order(&plain, number)).collect();
        orders[0].lines = vec![("chai", 2), ("tea", 1)];
        orders[0].country = "DE";
        orders[1].lines = vec![("piano", 1)];
        orders[1].country = "FR";
        orders[1].at = millis(20);
        orders[1].cancel = Some(millis(2_500));
        orders[1].carrier.delivery = millis(600_000);
        match story {
            Story::Delivered => orders.truncate(1),
            Story::Canceled => drop(orders.remove(0)),
            Story::Both => {}
            Story::Forgotten => {
                // The carrier has the parcel, but fetches the customer's address only after the
                // customer was forgotten.
                orders[1].carrier.pickup = hours(4);
                orders[1].cancel = None;
            }
            Story::WhenShipped => orders[1].carrier.pickup = hours(1),
            Story::Confirmed => {
                orders.truncate(1);
                let order = &mut orders[0];
                order.customer = CUSTOMER_IDS[3];
                order.order_id = order_id(order.customer, &order.key);
                let at_once = NoticeDelivery { after: Duration::ZERO, times: 1 };
                order.bank.confirmed = Some(Duration::ZERO);
                order.bank.confirmation_notice = at_once;
            }
        }
        let (at, back) = (hours(2), Some(hours(6)));
        let forgetting = Forgetting { customer: CUSTOMER_IDS[0], at, despite: true, back };
        let forgettings = if story == Story::Forgotten { vec![forgetting] } else { Vec::new() };
        let payment_capture = match story {
            Story::WhenShipped => PaymentCapture::WhenShipped,
            _ => PaymentCapture::AtOnce,
        };
        let settings = Settings { payment_capture, ..Settings::DEFAULT };
        let (prices, sent) = (Vec::new(), Vec::new());
        Self { settings, orders, prices, forgettings, sent, punctual: true }
    }
}

impl Script for Orders {
    const SIMPLER: &'static [fn(&mut Self)] = &[
        |it| it.prices.clear(),
        |it| it.forgettings.clear(),
        |it| it.sent.clear(),
        |it| it.orders.iter_mut().for_each(|order| order.twin = None),
        |it| it.orders.iter_mut().for_each(|order| order.cancel = None),
    ];

    fn len(&self) -> usize {
        self.orders.len()
    }

    fn remove(&mut self, place: usize) {
        self.orders.remove(place);
    }

    fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.prices.is_empty() {
            let prices: Vec<Duration> = self.prices.iter().map(|it| it.0).collect();
            lines.push(format!("prices change after {prices:?}"));
        }
        let Settings { home_country, review_above, payment_capture, orders_per_minute, .. } =
            self.settings;
        lines.push(format!(
            "the shop is in {home_country}, reviews from {review_above} on, charges {payment_capture}, and takes {orders_per_minute} orders of a customer a minute"
        ));
        lines.extend(self.orders.iter().map(|order| order.describe(self.is_reviewed(order))));
        lines.extend(self.forgettings.iter().map(Forgetting::describe));
        lines.extend(self.sent.iter().map(SentListing::describe));
        lines
    }
}

impl PlannedOrder {
    fn describe(&self, is_reviewed: bool) -> String {
        let mut what = format!("{} of {:?} by {}", self.name, self.lines, self.customer);
        what.push_str(&format!(", placed after {:?}", self.at));
        if let Some(cancel) = self.cancel {
            what.push_str(&format!(", canceled {cancel:?} later"));
        }
        if let Some((after, changed)) = self.twin {
            let how = if changed { "changed" } else { "the same" };
            what.push_str(&format!(", sent again ({how}) {after:?} later"));
        }
        if is_reviewed {
            let (review, after) = self.review;
            what.push_str(&format!(", review: {review:?} after {after:?}"));
        }
        what.push_str(&format!(", bank: {:?}", self.bank));
        what.push_str(&format!(", carrier: {:?}", self.carrier));
        what
    }
}

/// Draws what the bank and the customer do about an order's payment. The customer may confirm
/// before the shop waits for the confirmation, or after the shop has given up. The bank's notice of
/// the confirmation may be lost, late, or sent twice. The authorization may lapse, the charge may
/// be disputed, and a refund may be refused or fail.
fn bank(draws: &Draws, name: &str, customer: &str) -> BankBehavior {
    let mut draw = draws.of(&format!("{name} is confirmed"));
    let after = if draw.percent(25) { Duration::ZERO } else { draw.moment() };
    let notice_after = if draw.percent(60) { Duration::ZERO } else { draw.moment() };
    let confirmation_notice =
        NoticeDelivery { after: notice_after, times: draw.one_of(&[0, 1, 1, 2]) };
    let mut lapses = draws.of(&format!("{name} lapses"));
    let lapse = (draws.has(CUSTOMERS) && lapses.percent(15))
        .then(|| if lapses.percent(50) { Lapse::AtCapture } else { Lapse::After(lapses.moment()) });
    let fails = draws.has(REFUNDS);
    let mut draw = draws.of(&format!("{name} is refunded"));
    let soon = |draw: &mut Draw| if draw.percent(50) { Duration::ZERO } else { draw.moment() };
    let refunds = match draw.below(10) {
        0 | 1 if fails => Refunds::FailAfter(soon(&mut draw)),
        2 | 3 if fails => Refunds::Refused,
        _ => Refunds::Arrive,
    };
    let disputed = (fails && draw.percent(15)).then(|| draw.moment());
    let notices = NoticeDelivery { after: soon(&mut draw), times: draw.one_of(&[1, 1, 2]) };
    let never = customer == CUSTOMER_IDS[4];
    BankBehavior {
        confirmed: (!never).then_some(after),
        confirmation_notice,
        lapse,
        refunds,
        disputed,
        notices,
    }
}

fn settings(draws: &Draws) -> Settings {
    let mut draw = draws.of("settings");
    let france: Country = "FR".parse().expect("FR is a country");
    Settings {
        home_country: draw.one_of(&[Country::DE, Country::DE, france]),
        review_above: draw.one_of(&[
            Settings::DEFAULT.review_above,
            Settings::DEFAULT.review_above,
            Settings::DEFAULT.review_above,
            LEAST,
        ]),
        payment_capture: draws.of("capture").one_of(&PaymentCapture::ALL),
        orders_per_minute: draws.of("allowance").one_of(&[ONE_BY_ONE, MANY, MANY, MANY]),
        ..Settings::DEFAULT
    }
}

fn order(draws: &Draws, number: u32) -> PlannedOrder {
    let name = format!("order {number}");
    let mut draw = draws.of(&name);
    let key = format!("{}-{number}", draws.seed);
    let customers = draws.has(CUSTOMERS);
    let customer = match draw.below(10) {
        0 if customers => CUSTOMER_IDS[1],
        1 if customers => CUSTOMER_IDS[2],
        2 if customers => CUSTOMER_IDS[3],
        3 if customers => CUSTOMER_IDS[4],
        _ => CUSTOMER_IDS[0],
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
    let country = draw.one_of(&["DE", "DE", "DE", "DE", "FR", "FR", "FR", UNSERVED]);
    let patience = if customers { draw.one_of(&[1, 2, 8, 8]) } else { 12 };
    let cancel = (customers && draw.percent(35)).then(|| draw.moment());
    let twin = (customers && draw.percent(20)).then(|| (draw.moment(), draw.percent(30)));
    let reviews = [Review::Approves, Review::Declines, Review::ChangesMind, Review::Never];
    let review = if draws.has(REVIEWS) { draw.one_of(&reviews) } else { Review::Approves };
    let kinds = [
        BehaviorKind::Plain,
        BehaviorKind::Plain,
        BehaviorKind::Twice,
        BehaviorKind::Cancels,
        BehaviorKind::Silent,
        BehaviorKind::Down,
        BehaviorKind::NeverTakes,
    ];
    let carrier = if draws.has(CARRIER) {
        let kind = draw.one_of(&kinds);
        CarrierBehavior { kind, pickup: draw.moment(), delivery: draw.moment() }
    } else {
        CarrierBehavior { kind: BehaviorKind::Plain, pickup: millis(50), delivery: millis(150) }
    };
    PlannedOrder {
        order_id: order_id(customer, &key),
        bank: bank(draws, &name, customer),
        retries_refund: draws.of(&format!("{name} is refunded again")).percent(50),
        name,
        key,
        customer,
        lines,
        country: if number > 1 && country == UNSERVED && !customers { "DE" } else { country },
        at: millis(draw.below(3_000)),
        patience,
        twin,
        cancel,
        review: (review, draw.moment()),
        carrier,
    }
}

/// The orders of one customer, all placed at the same moment.
fn noisy_orders(draws: &Draws, size: u32) -> Vec<PlannedOrder> {
    let mut draw = draws.of("noisy tenant");
    let at = millis(draw.below(3_000));
    let count = 12 + draw.below(12) as u32;
    let of_customer = |number| {
        let planned = order(draws, number);
        PlannedOrder {
            order_id: order_id(NOISY, &planned.key),
            customer: NOISY,
            lines: vec![("tea", 1)],
            at,
            patience: 12,
            twin: None,
            cancel: None,
            ..planned
        }
    };
    (size + 1..=size + count).map(of_customer).collect()
}

/// The secret from which the simulated shop derives the ids of orders.
pub(crate) fn order_ids() -> IdSecret {
    "a-secret-of-the-simulated-shop".parse().expect("it is long enough")
}

/// The id of the order that a customer placed with this key, as the service Order derives it.
fn order_id(customer: &str, key: &str) -> OrderId {
    order_ids().order_id(&customers_key(customer, key))
}
