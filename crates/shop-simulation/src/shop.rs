//! The shop as an application of the simulator.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chorus_events::OrderId;
use chorus_events::inventory::ItemReserved;
use chorus_events::order::OrderCreated;
use chorus_events::partners::{CATALOGUE, MAIL_BREAKER, PAYMENT_BREAKER};
use chorus_events::payment::ErrorPaymentCanceled;
use chorus_events::table::rows;
use chorus_http::{Problem, Request, Response};
use chorus_kernel::{Failure, IDEMPOTENCY_TABLE, Item, Store, number, text};
use chorus_services::Dependencies;
use chorus_simulation::{
    Application, Chore, Client, Draws, Effects, Environment, Observed, Opened, Poison, Port,
    Scenario, Sent, Sighting, Standby, TakenOver, Trouble, Unreadable, Watch,
};
use chorus_table::{Breaker, Event, Partner, Row, Table};
use chorus_webhook_signature::{WebhookSecret, WebhookSecrets};
use jiff::{SignedDuration, Timestamp};

use crate::accounts::{self, CATALOGUE_ACCOUNT, SentListing};
use crate::bank::{BankBehavior, Desk};
use crate::callbacks;
use crate::callers::{self, ADDRESS, PLACE};
use crate::courier::{BehaviorKind, SimulatedCarrier};
use crate::ends::{Ends, ends};
use crate::forgetting::Forgetting;
use crate::forgotten::Forgotten;
use crate::invariants;
use crate::orders::{CUSTOMER_IDS, ITEMS, NOISY, Orders, PlannedOrder, Review, Story, order_ids};
use crate::outside::{SimulatedBank, SimulatedMailer};
use crate::pace::Requests;
use crate::regions;

/// Customers cancel at any moment; clients repeat their requests, or give up.
pub(crate) const CUSTOMERS: Trouble = Trouble::named("customers");
/// Reviewers approve, decline, change their mind, or never decide.
pub(crate) const REVIEWS: Trouble = Trouble::named("reviews");
/// The carrier cancels deliveries, calls back twice, late or never, or is unavailable.
pub(crate) const CARRIER: Trouble = Trouble::named("carrier");
/// Prices change while orders are under way.
pub(crate) const PRICES: Trouble = Trouble::named("prices");
/// Banks refuse refunds or let them fail later, and customers dispute charges.
pub(crate) const REFUNDS: Trouble = Trouble::named("refunds");
/// Customers are forgotten, at any moment, and some come back.
pub(crate) const FORGETTING: Trouble = Trouble::named("forgetting");

/// The catalogue's AWS account, and an AWS account without permission, send commands through the
/// bus.
pub(crate) const ACCOUNTS: Trouble = Trouble::named("accounts");

/// The payment provider, which Payment calls.
pub const PAYMENT_PORT: Port = Port::slow_external(0, "Payment");
/// The mailer, which Notification calls.
pub const MAIL_PORT: Port = Port::external(1, "Mail");
/// The carrier, which the bus itself calls.
pub const CARRIER_PORT: Port = Port::external(2, "Carrier");

/// An operator may request a refund again within this time after the alert about that refund.
const OPERATOR_ACTS_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The secret with which the carrier and the payment provider sign what they send to the shop.
const SECRET: &str = "a-secret-of-the-simulated-carrier";

/// The shop of one run, with its partners.
pub struct Shop {
    pub(crate) bank: Arc<SimulatedBank>,
    pub(crate) post: Arc<SimulatedMailer>,
    pub(crate) courier: Arc<SimulatedCarrier>,
    pub(crate) script: Orders,
    /// How many pieces of each item were put in stock.
    pub(crate) stock: Arc<HashMap<String, i64>>,
    /// How many unreadable messages are published.
    pub(crate) poison: usize,
    pub(crate) forgotten: Arc<Forgotten>,
    requests: Requests,
    /// Every table of the shop except the table of people's keys.
    pub(crate) tables: Vec<&'static str>,
    secret: WebhookSecret,
}

impl Application for Shop {
    type Script = Orders;
    type Story = Story;
    type Ends = Ends;

    const TABLE: Table = chorus_events::table::TABLE;
    const TROUBLES: &'static [Trouble] =
        &[CUSTOMERS, REVIEWS, CARRIER, PRICES, REFUNDS, FORGETTING, ACCOUNTS];
    const TWO_REGIONS: bool = true;
    const IN_ONE_REGION: &'static [Trouble] = &[FORGETTING, ACCOUNTS];
    const SENDERS: &'static [(Partner, &'static str)] = &[(CATALOGUE, CATALOGUE_ACCOUNT)];
    const PORTS: &'static [Port] = &[PAYMENT_PORT, MAIL_PORT, CARRIER_PORT];
    const BREAKERS: &'static [(Port, &'static Breaker)] =
        &[(PAYMENT_PORT, &PAYMENT_BREAKER), (MAIL_PORT, &MAIL_BREAKER)];
    const LIMITS: &'static [(&'static str, u32)] = &[
        ("ReviewHeartbeatSeconds", 7_200),
        ("ReviewTimeoutSeconds", 14_400),
        // Longer than the time after which the bus gives up on a carrier that does not answer.
        ("CarrierTimeoutSeconds", 216_000),
        ("ConfirmationTimeoutSeconds", 3_600),
    ];
    const LONGEST_WAIT: Duration = Duration::from_secs(216_400);
    /// The carrier alone may take two and a half days for a parcel, and the bus may need a day to
    /// reach the carrier.
    const ENDS_WITHIN: Duration = Duration::from_secs(5 * 86_400);
    const POISON: &'static [Poison] = &[
        Poison {
            event: OrderCreated::SPEC,
            unreadable: Unreadable::Data("order-id"),
            // The event log is not listed: it can read the parts of this message that it needs.
            dead_lettered_by: &[
                rows::ReserveItem::SPEC,
                rows::CountOrder::SPEC,
                rows::ProjectOrder::SPEC,
            ],
        },
        Poison {
            event: ItemReserved::SPEC,
            unreadable: Unreadable::Envelope,
            dead_lettered_by: &[rows::DescribeItem::SPEC, rows::RecordEvent::SPEC],
        },
    ];

    fn draw(size: u32, draws: &mut Draws) -> Orders {
        Orders::drawn(size, draws)
    }

    fn fixed(story: Story) -> Orders {
        Orders::fixed(story)
    }

    fn open(environment: &Arc<Environment>, scenario: &Scenario<Orders>) -> Opened<Self> {
        let script = scenario.script.clone();
        let desk =
            Desk::new(environment, script.settings.payment_capture, payments(&script.orders));
        let mute = scenario.mute;
        let bank = Arc::new(SimulatedBank { environment: Arc::clone(environment), mute, desk });
        let forgotten = Forgotten::new(environment);
        let post = Arc::new(SimulatedMailer {
            environment: Arc::clone(environment),
            emails: Arc::default(),
            forgotten: Arc::clone(&forgotten),
        });
        let courier =
            SimulatedCarrier::new(environment, &script.orders, scenario.has_two_regions());
        let secret: WebhookSecret = SECRET.parse().expect("the secret is long enough");
        let functions = chorus_services::functions(&Dependencies {
            front_end: None,
            public_events: false,
            payment_provider: Arc::clone(&bank) as Arc<_>,
            mailer: Arc::clone(&post) as Arc<_>,
            webhook_secrets: Arc::new(WebhookSecrets::from(secret.clone())),
            payment_webhook_secrets: Arc::new(WebhookSecrets::from(secret.clone())),
            order_ids: order_ids(),
            settings: script.settings,
        });
        let received = ITEMS.iter().map(|it| (it.0.to_owned(), i64::from(it.2)));
        let stock: Arc<HashMap<String, i64>> = Arc::new(received.collect());
        let partner = Arc::clone(&courier);
        let watched = Arc::clone(&stock);
        let watch = Watch::new(chorus_inventory::TABLE.name, move |item| unsound(item, &watched));
        let mut watches = vec![watch];
        // In two regions, a takeover may delete the stored answer of a callback; the answer then
        // comes again. These watches would report the deletion as a violation.
        if !scenario.has_two_regions() {
            watches.extend(callbacks::watches());
        }
        if !script.sent.is_empty() {
            watches.push(accounts::watch());
        }
        if !script.forgettings.is_empty() {
            watches.extend(forgotten.watches());
        }
        let poison = scenario.poison.len();
        let tables = functions.iter().flat_map(|it| it.function.tables.iter());
        let tables = tables.map(|it| it.name).chain([IDEMPOTENCY_TABLE.name]).collect();
        let requests = Requests::default();
        let application = Self {
            bank,
            post,
            courier,
            script,
            stock,
            poison,
            forgotten,
            requests,
            tables,
            secret,
        };
        Opened { application, functions, partner: Some(partner), watches }
    }

    fn set_up(&self) -> Vec<Client> {
        let listings = ITEMS.iter().map(|it| callers::lists_item(it.0, it.1, it.2, 0));
        let is_noisy = self.script.orders.iter().any(|order| order.customer == NOISY);
        let customers = CUSTOMER_IDS.into_iter().chain(is_noisy.then_some(NOISY));
        listings.chain(customers.map(callers::stores_customer)).collect()
    }

    fn callers(&self) -> Vec<(Duration, Client)> {
        let mut all = Vec::new();
        for order in &self.script.orders {
            all.push((order.at, callers::places_order(order, false)));
            if let Some((after, changed)) = order.twin {
                let mut twin = callers::places_order(order, changed);
                twin.name = format!("{} again", twin.name);
                all.push((order.at + after, twin));
            }
            if let Some(after) = order.cancel {
                let client = callers::cancels(&order.order_id, &order.name);
                all.push((order.at + after, client));
            }
            all.extend(reviewers(order, self.script.is_reviewed(order)));
        }
        for (time, (at, sku, price)) in self.script.prices.iter().enumerate() {
            let stock = ITEMS.iter().find(|it| it.0 == *sku).map_or(0, |it| it.2);
            all.push((*at, callers::lists_item(sku, *price, stock, time + 1)));
        }
        all.extend(Forgetting::callers(&self.script.forgettings));
        all
    }

    fn sent(&self) -> Vec<(Duration, Sent)> {
        self.script.sent.iter().flat_map(SentListing::messages).collect()
    }

    fn request(&self, client: &Client, now: Timestamp) -> Request {
        self.forgotten.record_request(client, now);
        if client.route == PLACE {
            self.requests.sent(client, now);
        }
        callers::request(client, &self.secret, now)
    }

    fn check_answer(&self, client: &Client, answer: &Result<Response, Problem>) -> Option<String> {
        let status = answer.as_ref().map_or_else(|problem| problem.status, |it| it.status);
        self.forgotten.answers(client, status);
        match (client.route, answer) {
            (PLACE, Ok(response)) if !callers::is_answered_by(client, &response.body) => {
                Some(format!("callers: {} got the response to another request", client.name))
            }
            (PLACE, Err(problem)) if self.script.punctual => {
                let per_minute = self.script.settings.orders_per_minute;
                self.requests.refused(client, problem, per_minute, self.bank.environment.now())
            }
            (ADDRESS, _) => {
                self.pass_on_address(client, status);
                None
            }
            _ => None,
        }
    }

    fn is_over(&self, observed: &Observed) -> bool {
        invariants::open(observed).is_empty()
    }

    /// Declines orders that no reviewer has decided, cancels orders for which the carrier sends no
    /// callbacks (it sends none about a parcel that it has taken back), and requests refunds again.
    fn help(&self, round: u32, observed: &Observed) -> Vec<Client> {
        let planned = |id| self.script.orders.iter().find(|order| order.order_id == id);
        let mut all = Vec::new();
        for id in invariants::pending_reviews(observed) {
            if round > 0 || planned(id.clone()).is_some_and(|it| it.review.0 == Review::Never) {
                let name = format!("operator's review of {id}, {round}");
                all.push(callers::reviews(&id, "decline", name));
            }
        }
        for id in invariants::open(observed) {
            let silent = |it: &PlannedOrder| it.carrier.kind == BehaviorKind::Silent;
            let is_recalled = self.courier.parcels().recalled.contains(&id);
            if round > 0 && (is_recalled || planned(id.clone()).is_some_and(silent)) {
                all.push(callers::cancels(&id, "an operator"));
            }
        }
        all.extend(self.refunds_to_retry(round, observed));
        all
    }

    fn rebuild(&self, observed: &Observed, store: Arc<dyn Store>) -> Chore {
        observed.clear(chorus_order::VIEW_TABLE.name);
        Box::pin(async move {
            if let Err(error) = chorus_order::rebuild(&*store).await {
                tracing::debug!(%error, "the list of orders is not rebuilt");
            }
        })
    }

    fn take_over(&self, standby: Standby) -> Result<TakenOver, Failure> {
        regions::take_over(self, &standby)
    }

    fn undo_unmatched(
        &self,
        items: &dyn Fn(&'static str) -> Vec<Item>,
    ) -> Result<Vec<Client>, Failure> {
        regions::undo_unmatched(self, items)
    }

    fn name(&self, correlation_id: &str) -> Option<&str> {
        let mut orders = self.script.orders.iter();
        orders.find(|it| it.order_id.as_str() == correlation_id).map(|it| it.name.as_str())
    }

    fn was_lost(&self, observed: &Observed, correlation_id: &str) -> bool {
        observed.lost_region().is_some()
            && !invariants::orders(observed).contains_key(correlation_id)
    }

    fn check(&self, observed: &Observed) -> Vec<String> {
        if let Some(lost) = observed.lost_region() {
            return regions::check(self, observed, lost);
        }
        let mut wrong = invariants::check(self, observed);
        wrong.extend(accounts::check(&self.script.sent, observed));
        if !self.script.forgettings.is_empty() {
            wrong.extend(self.forgotten.check(observed, &self.tables));
        }
        wrong
    }

    fn effects(&self) -> Effects {
        let books = self.bank.books();
        Effects::from([
            ("charges", books.charges()),
            ("refunds", books.refunds()),
            ("parcels", self.courier.parcels().parcels.len()),
            ("emails", self.post.emails().len()),
        ])
    }

    fn ends(&self, observed: &Observed) -> Ends {
        ends(self, observed)
    }
}

impl Shop {
    /// The clients through which an operator requests refunds again. The operator was alerted about
    /// each of these refunds at most `OPERATOR_ACTS_WITHIN` ago.
    fn refunds_to_retry(&self, round: u32, observed: &Observed) -> Vec<Client> {
        let (books, now) = (self.bank.books(), self.bank.environment.now());
        let sightings = observed.sightings();
        let was_alerted = |order: &OrderId| {
            let kind = ErrorPaymentCanceled::SPEC.detail_type;
            let about = |it: &&Sighting| it.about == order.as_str() && it.detail_type == kind;
            let first = sightings.events.values().filter(about).map(|it| it.first).max();
            first.is_some_and(|first| now.duration_since(first) < OPERATOR_ACTS_WITHIN)
        };
        let planned = self.script.orders.iter().filter(|order| order.retries_refund);
        // A disputed charge is left out: an operator answers a dispute at the bank, and does not
        // request the refund again.
        let kept = planned.filter(|order| {
            books.keeps_charge(&order.order_id) && !books.is_disputed(&order.order_id)
        });
        kept.filter(|order| was_alerted(&order.order_id))
            .map(|order| callers::retries_refund(&order.order_id, &order.name, round))
            .collect()
    }

    /// Tells the simulated carrier how the shop answered the request for a parcel's address: with
    /// the address, or that the shop no longer has the address.
    fn pass_on_address(&self, client: &Client, status: u16) {
        let Some(order_id) = callers::parcel(client) else { return };
        match status {
            200 => {
                if !self.script.forgettings.is_empty() {
                    self.forgotten.address_was_given(&order_id);
                }
                self.courier.address_answered(&order_id, true);
            }
            404 | 409 | 410 => self.courier.address_answered(&order_id, false),
            _ => {}
        }
    }
}

/// For each order, its name in traces, and how the customer's bank behaves.
fn payments(orders: &[PlannedOrder]) -> BTreeMap<OrderId, (String, BankBehavior)> {
    let of = |order: &PlannedOrder| (order.order_id.clone(), (order.name.clone(), order.bank));
    orders.iter().map(of).collect()
}

fn reviewers(order: &PlannedOrder, is_reviewed: bool) -> Vec<(Duration, Client)> {
    let (review, after) = order.review;
    let at = order.at + after;
    let says = |verdict: &str| {
        let name = format!("review of {}, {verdict}", order.name);
        callers::reviews(&order.order_id, verdict, name)
    };
    match review {
        _ if !is_reviewed => Vec::new(),
        Review::Approves => vec![(at, says("approve"))],
        Review::Declines => vec![(at, says("decline"))],
        Review::ChangesMind => {
            vec![(at, says("approve")), (at + Duration::from_millis(2), says("decline"))]
        }
        Review::Never => Vec::new(),
    }
}

/// What is wrong with an item's stock, if anything: a count is negative, or the counts do not add
/// up to the pieces that were put in stock.
fn unsound(item: &Item, stock: &HashMap<String, i64>) -> Option<String> {
    if text(item, "sk") != Some("item") {
        return None;
    }
    let count = |name| number(item, name).unwrap_or(i64::MIN / 8);
    let counts = [count("available"), count("reserved"), count("sold")];
    let sum: i64 = counts.iter().sum();
    let sku = text(item, "sku").unwrap_or_default();
    let wrong = counts.iter().any(|it| *it < 0) || stock.get(sku).is_some_and(|it| *it != sum);
    wrong.then(|| {
        let [available, reserved, sold] = counts;
        format!("stock: {sku} has {available} available, {reserved} reserved, {sold} sold")
    })
}
