//! The simulated bank, which keeps payment intents. Later, customers confirm or dispute charges,
//! authorizations lapse, and refunds fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chorus_events::{Money, OrderId, PaymentCapture};
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, IntentState, KnownIntent, ListedIntent,
    ProviderError, Refund, RefundAnswer, SimulatedNotice,
};
use chorus_simulation::Environment;

use crate::callers;

/// The state of a payment intent; every state except the first three is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Prepared,
    /// The customer has to confirm the charge.
    Asked,
    /// The bank holds the amount.
    Authorized,
    Charged,
    Declined,
    Canceled,
}

#[derive(Debug, Clone)]
struct Entry {
    order_id: OrderId,
    amount: Money,
    intent: Intent,
    refunded: bool,
    /// The [`Refund::retries`] of the last refund request that the bank accepted; `None` until the
    /// bank accepts one.
    accepted: Option<u32>,
    /// Whether an accepted refund failed later. This happens at most once for each intent: the next
    /// refund succeeds.
    refund_failed: bool,
    refund_refused: bool,
    disputed: bool,
    /// Whether a takeover ended the intent, because the region that took over did not know the
    /// intent's order, or knew a different intent for that order.
    ended: bool,
}

impl Entry {
    /// Whether the bank keeps the charged amount, because the refund was refused or failed, or
    /// because the charge is disputed.
    fn is_kept(&self) -> bool {
        let kept = self.refund_refused || self.refund_failed || self.disputed;
        self.intent == Intent::Charged && !self.refunded && kept
    }
}

/// The payment intents of all orders. Each request to prepare a charge creates a new intent. So a
/// shop that confirmed an intent before committing the intent's id could charge twice.
#[derive(Debug)]
pub(crate) struct Intents {
    entries: Vec<Entry>,
    /// When the bank charges an amount: as soon as the bank agrees, or when the shop captures the
    /// amount.
    capture: PaymentCapture,
}

impl Intents {
    pub(crate) const fn new(capture: PaymentCapture) -> Self {
        Self { entries: Vec::new(), capture }
    }

    /// Returns the state of an intent once the bank has agreed to the charge.
    const fn agreed(&self) -> Intent {
        match self.capture {
            PaymentCapture::AtOnce => Intent::Charged,
            PaymentCapture::WhenShipped => Intent::Authorized,
        }
    }

    /// How many amounts the bank holds for an order.
    pub(crate) fn held(&self, order: &OrderId) -> usize {
        self.of(order).filter(|entry| entry.intent == Intent::Authorized).count()
    }

    /// The amounts charged for an order. Intents that a takeover ended are left out.
    pub(crate) fn charged(&self, order: &OrderId) -> Vec<Money> {
        let taken = self.current(order).filter(|entry| entry.intent == Intent::Charged);
        taken.map(|entry| entry.amount).collect()
    }

    /// The amounts refunded for an order. Intents that a takeover ended are left out.
    pub(crate) fn refunded(&self, order: &OrderId) -> Vec<Money> {
        self.current(order).filter(|entry| entry.refunded).map(|entry| entry.amount).collect()
    }

    /// The charged amounts of the intents that a takeover ended, without the amounts that the bank
    /// refunded or keeps ([`Entry::is_kept`]).
    pub(crate) fn not_refunded_by_takeover(&self, order: &OrderId) -> Vec<Money> {
        let ended = self.of(order).filter(|entry| entry.ended && entry.intent == Intent::Charged);
        ended.filter(|it| !it.refunded && !it.is_kept()).map(|it| it.amount).collect()
    }

    /// Whether a takeover ended an intent of this order.
    pub(crate) fn was_ended(&self, order: &OrderId) -> bool {
        self.of(order).any(|entry| entry.ended)
    }

    /// Every intent, in the form in which the provider lists intents.
    pub(crate) fn listed(&self) -> Vec<ListedIntent> {
        let listed = |(place, entry): (usize, &Entry)| ListedIntent {
            intent: IntentId((place + 1).to_string()),
            order_id: entry.order_id.clone(),
            state: match entry.intent {
                _ if entry.refunded => IntentState::Refunded,
                Intent::Prepared | Intent::Declined => IntentState::Open,
                Intent::Asked | Intent::Charged => IntentState::Confirmed,
                Intent::Authorized => IntentState::Held,
                Intent::Canceled => IntentState::Canceled,
            },
        };
        self.entries.iter().enumerate().map(listed).collect()
    }

    /// Whether the bank keeps an amount that was charged for the order: see [`Entry::is_kept`].
    pub(crate) fn keeps_charge(&self, order: &OrderId) -> bool {
        self.current(order).any(Entry::is_kept)
    }

    pub(crate) fn is_disputed(&self, order: &OrderId) -> bool {
        self.of(order).any(|entry| entry.disputed)
    }

    pub(crate) fn charges(&self) -> usize {
        self.entries.iter().filter(|entry| entry.intent == Intent::Charged).count()
    }

    pub(crate) fn refunds(&self) -> usize {
        self.entries.iter().filter(|entry| entry.refunded).count()
    }

    fn of(&self, order: &OrderId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.order_id == *order)
    }

    /// The intents of an order, without those that a takeover ended.
    fn current(&self, order: &OrderId) -> impl Iterator<Item = &Entry> {
        self.of(order).filter(|entry| !entry.ended)
    }

    /// Marks an intent as ended by a takeover.
    pub(crate) fn end(&mut self, id: &IntentId) {
        if let Ok(entry) = self.entry(id) {
            entry.ended = true;
        }
    }

    pub(crate) fn prepare(&mut self, charge: &Charge) -> IntentId {
        self.entries.push(Entry {
            order_id: charge.order_id.clone(),
            amount: charge.amount,
            intent: Intent::Prepared,
            refunded: false,
            accepted: None,
            refund_failed: false,
            refund_refused: false,
            disputed: false,
            ended: false,
        });
        IntentId(self.entries.len().to_string())
    }

    /// The intent with this id; the provider rejects an id that it did not issue.
    fn entry(&mut self, id: &IntentId) -> Result<&mut Entry, ProviderError> {
        let unknown = || ProviderError::Refused(format!("there is no intent {}", id.0));
        place(id).and_then(|place| self.entries.get_mut(place)).ok_or_else(unknown)
    }

    pub(crate) fn find(&self, id: &IntentId) -> Option<KnownIntent> {
        let entry = self.entries.get(place(id)?)?;
        let is_canceled = entry.intent == Intent::Canceled;
        let (order_id, is_refunded) = (entry.order_id.clone(), entry.refunded);
        Some(KnownIntent { order_id, is_refunded, is_canceled })
    }

    /// Confirms an intent. The bank's behaviour depends on the id of `customer`.
    pub(crate) fn confirm(
        &mut self,
        id: &IntentId,
        customer: &str,
    ) -> Result<ChargeAnswer, ProviderError> {
        let agreed = self.agreed();
        let entry = self.entry(id)?;
        if entry.intent == Intent::Prepared {
            entry.intent = match customer {
                _ if customer.contains("declined") => Intent::Declined,
                _ if customer.contains("confirms") => Intent::Asked,
                _ => agreed,
            };
        }
        Ok(match entry.intent {
            Intent::Asked => ChargeAnswer::ConfirmationRequired { confirm_at: None },
            Intent::Authorized => ChargeAnswer::Authorized { charge_id: charge_id(id) },
            Intent::Charged => ChargeAnswer::Charged { charge_id: charge_id(id) },
            Intent::Prepared | Intent::Declined => {
                ChargeAnswer::Declined { reason: "card declined".to_owned() }
            }
            Intent::Canceled => {
                ChargeAnswer::Declined { reason: "the charge was canceled before".to_owned() }
            }
        })
    }

    /// The customer confirms the charge. This does nothing if the charge awaits no confirmation.
    pub(crate) fn confirmed(&mut self, id: &IntentId) {
        let agreed = self.agreed();
        if let Some(entry) = self.entry(id).ok().filter(|entry| entry.intent == Intent::Asked) {
            entry.intent = agreed;
        }
    }

    /// The customer disputes the charge. This does nothing if the charge was refunded.
    fn dispute(&mut self, id: &IntentId) {
        if let Some(entry) = self.entry(id).ok().filter(|entry| !entry.refunded) {
            entry.disputed = true;
        }
    }

    /// Lets the authorization lapse, if the bank still holds the amount.
    pub(crate) fn lapse(&mut self, id: &IntentId) {
        if let Some(entry) = self.entry(id).ok().filter(|entry| entry.intent == Intent::Authorized)
        {
            entry.intent = Intent::Canceled;
        }
    }

    /// Captures an amount that the bank holds.
    fn capture(&mut self, id: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        let entry = self.entry(id)?;
        if entry.intent == Intent::Authorized {
            entry.intent = Intent::Charged;
        }
        Ok(match entry.intent {
            Intent::Charged => CaptureAnswer::Captured { charge_id: charge_id(id) },
            _ => CaptureAnswer::Failed { reason: "the authorization has lapsed".to_owned() },
        })
    }

    fn refund(&mut self, refund: &Refund, refunds: Refunds) -> Result<RefundAnswer, ProviderError> {
        let entry = self.entry(&refund.intent)?;
        if entry.intent != Intent::Charged {
            entry.intent = Intent::Canceled;
            return Ok(RefundAnswer::NothingCharged);
        }
        // The provider repeats its answer to the same request, even if the refund has failed since
        // then.
        if entry.accepted == Some(refund.retries) {
            return Ok(RefundAnswer::Refunded { amount: entry.amount });
        }
        let refused = |reason: &str| Ok(RefundAnswer::Refused { reason: reason.to_owned() });
        if entry.disputed && !entry.refunded {
            return refused("the charge is disputed");
        }
        if refunds == Refunds::Refused && refund.retries == 0 {
            entry.refund_refused = true;
            return refused("the bank refuses the refund");
        }
        (entry.refunded, entry.accepted) = (true, Some(refund.retries));
        Ok(RefundAnswer::Refunded { amount: entry.amount })
    }
}

fn place(IntentId(id): &IntentId) -> Option<usize> {
    id.parse().ok().and_then(|number: usize| number.checked_sub(1))
}

fn charge_id(IntentId(id): &IntentId) -> String {
    format!("ch-{id}")
}

/// When an authorization lapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// When the shop captures the amount, the bank answers that the authorization has lapsed. The
    /// bank sends no notice.
    AtCapture,
    /// If the shop has not captured the amount after this time, the authorization lapses, and the
    /// bank sends a notice of the lapse.
    After(Duration),
}

/// What the bank does with refunds that the shop requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refunds {
    Arrive,
    /// The bank refuses the request, until an operator requests the refund again.
    Refused,
    /// The bank accepts the request, and the refund fails this much later. The next refund that the
    /// shop requests succeeds.
    FailAfter(Duration),
}

/// How a notice from the bank reaches the shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoticeDelivery {
    /// The time from the change of an intent to the notice about the change.
    pub(crate) after: Duration,
    /// How many times the notice is sent; 0 if it is lost.
    pub(crate) times: u32,
}

/// What the bank and its customer do about an order's payment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BankBehavior {
    /// The time from the bank's request to the customer's confirmation; none if the customer never
    /// confirms.
    pub(crate) confirmed: Option<Duration>,
    /// How the notice of a confirmation reaches the shop.
    pub(crate) confirmation_notice: NoticeDelivery,
    pub(crate) lapse: Option<Lapse>,
    pub(crate) refunds: Refunds,
    /// How long after the charge the customer disputes the charge; none if the customer never does.
    pub(crate) disputed: Option<Duration>,
    /// How notices of lapses, disputes and failed refunds reach the shop.
    pub(crate) notices: NoticeDelivery,
}

impl BankBehavior {
    /// Whether the bank may keep an amount although the shop requests its refund.
    pub(crate) fn may_keep(&self) -> bool {
        self.refunds != Refunds::Arrive || self.disputed.is_some()
    }
}

/// The bank's books (the intents), with the notices and later events that each change of an intent
/// causes.
pub(crate) struct Desk {
    pub(crate) environment: Arc<Environment>,
    books: Mutex<Intents>,
    /// Each order's name in the run, and what happens to its payment.
    accounts: BTreeMap<OrderId, (String, BankBehavior)>,
}

impl Desk {
    pub(crate) fn new(
        environment: &Arc<Environment>,
        capture: PaymentCapture,
        accounts: BTreeMap<OrderId, (String, BankBehavior)>,
    ) -> Arc<Self> {
        let books = Mutex::new(Intents::new(capture));
        Arc::new(Self { environment: Arc::clone(environment), books, accounts })
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Intents> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` on the books, and plans the notices and later events that the change of `intent`
    /// causes.
    pub(crate) fn act<T>(
        self: &Arc<Self>,
        intent: &IntentId,
        act: impl FnOnce(&mut Intents) -> T,
    ) -> T {
        let mut books = self.books();
        let read = |books: &mut Intents| books.entry(intent).ok().map(|entry| entry.clone());
        let before = read(&mut books);
        let answer = act(&mut books);
        let after = read(&mut books);
        drop(books);
        if let (Some(before), Some(after)) = (before, after) {
            self.follow(intent, &before, &after);
        }
        answer
    }

    pub(crate) fn capture(
        self: &Arc<Self>,
        intent: &IntentId,
    ) -> Result<CaptureAnswer, ProviderError> {
        let order_id = self.books().entry(intent)?.order_id.clone();
        let lapse = self.accounts.get(&order_id).and_then(|(_, behavior)| behavior.lapse);
        if lapse == Some(Lapse::AtCapture) {
            self.books().lapse(intent);
        }
        self.act(intent, |books| books.capture(intent))
    }

    pub(crate) fn refund(self: &Arc<Self>, refund: &Refund) -> Result<RefundAnswer, ProviderError> {
        let account = self.accounts.get(&refund.order_id);
        let refunds = account.map_or(Refunds::Arrive, |(_, behavior)| behavior.refunds);
        self.act(&refund.intent, |books| books.refund(refund, refunds))
    }

    fn follow(self: &Arc<Self>, intent: &IntentId, before: &Entry, after: &Entry) {
        let Some((_, behavior)) = self.accounts.get(&after.order_id) else { return };
        if before.intent != after.intent {
            self.follow_charge(intent, before.intent, after, behavior);
        }
        let (order_id, amount) = (after.order_id.clone(), after.amount);
        if !before.disputed && after.disputed {
            let notice = SimulatedNotice::disputed(intent.clone(), order_id.clone(), amount);
            self.send_notice(&notice, behavior.notices);
        }
        let is_refunded = !before.refunded && after.refunded && !after.refund_failed;
        if let (Refunds::FailAfter(pause), true) = (behavior.refunds, is_refunded) {
            self.later(pause, intent, |books, intent| {
                if let Some(entry) = books.entry(intent).ok().filter(|entry| entry.refunded) {
                    (entry.refunded, entry.refund_failed) = (false, true);
                }
            });
        }
        if !before.refund_failed && after.refund_failed {
            self.send_notice(
                &SimulatedNotice::refund_failed(intent.clone(), order_id),
                behavior.notices,
            );
        }
    }

    /// Plans the notice of an intent's new state, and the confirmation, lapse or dispute that comes
    /// later.
    fn follow_charge(
        self: &Arc<Self>,
        intent: &IntentId,
        before: Intent,
        after: &Entry,
        behavior: &BankBehavior,
    ) {
        let notice: fn(IntentId, OrderId) -> SimulatedNotice = match after.intent {
            Intent::Charged => SimulatedNotice::succeeded,
            Intent::Authorized => SimulatedNotice::authorized,
            _ => SimulatedNotice::canceled,
        };
        let notice = notice(intent.clone(), after.order_id.clone());
        match (before, after.intent) {
            (Intent::Asked, _) => self.send_notice(&notice, behavior.confirmation_notice),
            (Intent::Authorized, Intent::Canceled) => self.send_notice(&notice, behavior.notices),
            _ => {}
        }
        match (after.intent, behavior.confirmed, behavior.lapse, behavior.disputed) {
            (Intent::Asked, Some(pause), ..) => self.later(pause, intent, Intents::confirmed),
            (Intent::Authorized, _, Some(Lapse::After(pause)), _) => {
                self.later(pause, intent, Intents::lapse);
            }
            (Intent::Charged, .., Some(pause)) => self.later(pause, intent, Intents::dispute),
            _ => {}
        }
    }

    /// Changes the books after a while, outside of the shop's requests.
    fn later(
        self: &Arc<Self>,
        pause: Duration,
        intent: &IntentId,
        act: impl FnOnce(&mut Intents, &IntentId) + Send + 'static,
    ) {
        let (desk, intent) = (Arc::clone(self), intent.clone());
        self.environment.later(pause, move || {
            desk.act(&intent, |books| act(books, &intent));
            Vec::new()
        });
    }

    /// Plans the calls that bring a notice to the shop: none if the notice is lost, several if it
    /// is sent more than once.
    fn send_notice(&self, notice: &SimulatedNotice, delivery: NoticeDelivery) {
        let name = self.accounts.get(&notice.order_id).map_or("an unknown order", |(name, _)| name);
        for time in 0..delivery.times {
            let client = callers::notifies(notice, name, time);
            self.environment.later(delivery.after, move || vec![client]);
        }
    }
}
