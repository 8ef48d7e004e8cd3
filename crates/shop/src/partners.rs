//! The shop's simulated partners. They keep their data in a store of their own. How they behave for
//! an order depends on the customer's id.

use std::sync::Arc;

use chorus_carrier::{ApiKey, CARRIER_TABLE, Carrier, CarrierConfig, Webhook};
use chorus_events::PaymentCapture;
use chorus_kernel::{Clock, Failure, Key, Store, StoreError, TableSpec, Write};
use chorus_local::DynoxideStore;
use chorus_notification::{SIMULATED_MAILER_TABLE, SimulatedMailer};
use chorus_payment::{
    LedgerEntry, Payment, PaymentProvider, SIMULATED_PROVIDER_TABLE, SimulatedProvider,
    StripeProvider,
};
use tokio::sync::Notify;

use crate::{CARRIER_API_KEY, ShopConfig};

/// A payment provider, a carrier and a mailer, and the store in which they keep their data.
#[derive(Clone)]
pub struct Partners {
    store: Arc<dyn Store>,
    /// The same store as `store`, in the type that a backup needs.
    kept: Arc<DynoxideStore>,
    clock: Arc<dyn Clock>,
    /// When the simulated payment provider charges an amount: at once, or when the parcel leaves.
    capture: PaymentCapture,
    /// The payment provider, if it is not simulated.
    stripe: Option<Arc<StripeProvider>>,
    /// Notified when the simulated payment provider may have a new notice for the shop's webhook.
    woken: Arc<Notify>,
}

impl std::fmt::Debug for Partners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partners").finish_non_exhaustive()
    }
}

impl Partners {
    /// The name of the file of the partners' store, in a shop's data directory.
    pub const FILE: &str = "partners.db";

    /// Returns the file's name and the store, for a backup.
    #[must_use]
    pub fn kept(&self) -> (&'static str, Arc<DynoxideStore>) {
        (Self::FILE, Arc::clone(&self.kept))
    }

    /// The tables of the partners' store.
    pub const TABLES: [TableSpec; 3] =
        [CARRIER_TABLE, SIMULATED_MAILER_TABLE, SIMULATED_PROVIDER_TABLE];

    /// Opens the partners' store, in `partners.db` beside the shop's data, or in memory.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(config: &ShopConfig) -> Result<Self, StoreError> {
        let clock = Arc::clone(&config.clock);
        let store = match &config.data {
            Some(data) => DynoxideStore::open(&data.join(Self::FILE), &Self::TABLES)?,
            None => DynoxideStore::memory(Arc::clone(&clock), &Self::TABLES)?,
        };
        let kept = Arc::new(store);
        let store = Arc::clone(&kept) as Arc<dyn Store>;
        let (stripe, capture) = (config.stripe.clone(), config.settings.payment_capture);
        Ok(Self { store, kept, clock, capture, stripe, woken: Arc::default() })
    }

    /// Returns the same partners, with their store wrapped by `wrap`, for example to observe it.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        Self { store: wrap(self.store), ..self }
    }

    #[must_use]
    pub fn provider(&self) -> Arc<dyn PaymentProvider> {
        match &self.stripe {
            Some(stripe) => Arc::clone(stripe) as Arc<dyn PaymentProvider>,
            None => Arc::new(self.simulated()),
        }
    }

    /// Returns the simulated payment provider, even if the shop charges by Stripe.
    pub(crate) fn simulated(&self) -> SimulatedProvider {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let woken = Arc::clone(&self.woken);
        let provider = SimulatedProvider::new(store, clock).capturing(self.capture);
        provider.waking(Arc::new(move || woken.notify_one()))
    }

    /// Returns the object that is notified when the simulated payment provider may have a new
    /// notice for the shop's webhook.
    pub(crate) fn woken(&self) -> Arc<Notify> {
        Arc::clone(&self.woken)
    }

    #[must_use]
    pub fn mailer(&self) -> SimulatedMailer {
        SimulatedMailer::new(Arc::clone(&self.store))
    }

    /// Returns the carrier, which sends its callbacks by `webhook`.
    #[must_use]
    pub fn carrier(&self, config: &ShopConfig, webhook: Arc<dyn Webhook>) -> Arc<Carrier> {
        let mut pace = CarrierConfig::new(ApiKey::new(CARRIER_API_KEY));
        (pace.pickup_after, pace.delivery_after) = (config.pickup_after, config.delivery_after);
        Carrier::new(Arc::clone(&self.store), Arc::clone(&self.clock), webhook, pace)
    }

    /// Replaces all data of these partners by the data of `others`: a shop that takes over from
    /// another shop continues with that shop's partners.
    ///
    /// # Errors
    /// If one of the stores fails. Then the data is incomplete: call this function again.
    pub async fn replace_by(&self, others: &Self) -> Result<(), StoreError> {
        for TableSpec { name: table, .. } in Self::TABLES {
            self.kept.clear(table)?;
            for item in others.kept.all(table)? {
                if let Some(key) = Key::of(table, &item) {
                    self.store.write(&[Write::Put { key, item, condition: None }]).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns the payment provider's movements of money. The ledger of the simulated provider is
    /// read as a whole; Stripe is asked about the payment intent of each payment in `payments`.
    ///
    /// # Errors
    /// If the provider's ledger cannot be read.
    pub async fn ledger(&self, payments: &[Payment]) -> Result<Vec<LedgerEntry>, Failure> {
        let Some(stripe) = &self.stripe else {
            return chorus_payment::ledger(&*self.store).await;
        };
        let mut entries = Vec::new();
        for payment in payments {
            let moved = stripe.ledger(payment).await;
            entries.extend(
                moved.map_err(|error| Failure::later("OutcomeUnknown", error.to_string()))?,
            );
        }
        Ok(entries)
    }
}
