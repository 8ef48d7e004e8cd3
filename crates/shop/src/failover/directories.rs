//! Failover between two data directories, which stand for two regions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chorus_carrier::{Callback, Carrier, NotAccepted, Recall, Webhook};
use chorus_events::OrderId;
use chorus_kernel::{ActiveRegion, Failure, Item, Kernel, REGIONS_TABLE, Store, StoreError, text};
use chorus_local::{DynoxideStore, STORE_FILE, empty_engine, is_in_use};
use chorus_payment::PaymentProvider;
use chorus_recovery::takeover::{ParcelCarrier, Standby, Takeover};
use chorus_table::{Detail, Entry};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::log::{Interrupted, Regions, has_all_failovers, interrupted};
use crate::audit::{self, AuditError};
use crate::{Partners, Shop, ShopConfig, ShopError};

/// A file in the data directory of each shop that took part in a failover. It contains the name of
/// the shop's region.
const REGION_FILE: &str = "region";

/// Why the shop of one directory cannot take over from the shop of another directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoriesError {
    #[error("there is no shop in {}", .0.display())]
    NoShop(PathBuf),
    #[error("the shop in {} is running: stop it first", .0.display())]
    Running(PathBuf),
    #[error("--from and --to must be two directories, but both are {}", .0.display())]
    SameDirectory(PathBuf),
    /// The event logs of the two shops have no event in common.
    #[error(
        "{second} was not restored from a backup of {first}: run `chorus backup COPY --data {first}` \
         and `chorus restore COPY --data {second}` first; {second} must then be a new directory"
    )]
    NotACopy { first: String, second: String },
    #[error(
        "{second} was restored from a backup that is older than the last failover of {first}: back \
         up {first}, and restore that backup into a new directory {second}"
    )]
    Outdated { first: String, second: String },
    #[error(
        "{second} has later events than {first}: if {second} is the shop that was used until now, \
         exchange --from and --to"
    )]
    Newer { first: String, second: String },
    #[error("the audit of operators' actions cannot be read")]
    Audit(#[from] AuditError),
    #[error(
        "the two directories must have different names, because each region has the name of its \
         directory: both are called {0}"
    )]
    SameName(String),
    #[error("{} cannot be read or written", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error("the queues of the shop that takes over cannot be emptied")]
    Queues(#[from] chorus_local::Error),
    #[error("the shop that takes over cannot be opened")]
    Shop(#[from] ShopError),
    #[error("the database of one of the two shops failed")]
    Store(#[from] StoreError),
    #[error("a stored item cannot be read")]
    Stored(#[from] Failure),
}

/// Returns the region of the shop in this data directory; `None` if there was no failover.
///
/// # Errors
/// If the file that names the region cannot be read.
pub fn region_of(data: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(data.join(REGION_FILE)) {
        Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the interrupted failover to the shop in this data directory, whose store is `store`;
/// `None` if no failover was interrupted.
///
/// # Errors
/// If the audit cannot be read.
pub(crate) async fn interrupted_into(
    data: &Path,
    store: &dyn Store,
) -> Result<Option<Interrupted>, AuditError> {
    // The directory may have been renamed since the failover, so the region in the file comes
    // first.
    let region = region_of(data).ok().flatten().or_else(|| name(data).ok());
    match region {
        Some(region) => interrupted(store, &region).await,
        None => Ok(None),
    }
}

/// The shop that takes over, opened but not started, and the partners of both shops.
#[derive(Debug)]
pub struct Directories {
    first: PathBuf,
    second: PathBuf,
    regions: Regions,
    shop: Shop,
    /// The partners of the first shop. They continued to work after the first shop was lost, so
    /// their data is current.
    partners: Partners,
    provider: Provider,
    carrier: OpenedCarrier,
}

impl Directories {
    /// Opens the shop in `second`, with the settings `config`, and then the partners of the shop in
    /// `first`. The name of each directory is the name of its region.
    ///
    /// # Errors
    /// See [`DirectoriesError`].
    pub fn open(
        config: &ShopConfig,
        first: &Path,
        second: &Path,
    ) -> Result<Self, DirectoriesError> {
        let regions = Regions { from: name(first)?, to: name(second)? };
        if first.canonicalize().ok() == second.canonicalize().ok() {
            return Err(DirectoriesError::SameDirectory(first.to_owned()));
        }
        if regions.from == regions.to {
            return Err(DirectoriesError::SameName(regions.from));
        }
        for directory in [first, second] {
            if !chorus_local::holds_engine(directory) {
                return Err(DirectoriesError::NoShop(directory.to_owned()));
            }
            if is_in_use(directory) {
                return Err(DirectoriesError::Running(directory.to_owned()));
            }
        }
        let of_first = ShopConfig { data: Some(first.to_owned()), ..config.clone() };
        let partners = Partners::open(&of_first)?;
        let second_config = ShopConfig {
            data: Some(second.to_owned()),
            region: Some(regions.to.clone()),
            ..config.clone()
        };
        Ok(Self {
            first: first.to_owned(),
            second: second.to_owned(),
            regions,
            shop: Shop::open(&second_config)?,
            provider: Provider(partners.provider()),
            carrier: OpenedCarrier(partners.carrier(&of_first, Arc::new(NoShopListens))),
            partners,
        })
    }

    /// Checks that the second shop is a copy of the first, made after the last failover. An
    /// interrupted failover may continue without this check, because it may have changed the second
    /// shop already.
    ///
    /// # Errors
    /// If the second shop is not a copy of the first, if the copy is older than the last failover,
    /// or if a file or a store cannot be read.
    pub async fn check_copy(&self) -> Result<(), DirectoriesError> {
        if interrupted(self.store(), &self.regions.to).await?.is_some() {
            return Ok(());
        }
        let [first, second] = [&self.first, &self.second].map(|it| it.display().to_string());
        let log = chorus_event_log::TABLE;
        let of_first = DynoxideStore::open(&self.first.join(STORE_FILE), &[log])?;
        let logs = (of_first.all(log.name)?, self.items(log.name).await?);
        let (events, copied) = (keys(&logs.0), keys(&logs.1));
        if !events.is_empty() && events.is_disjoint(&copied) {
            return Err(DirectoriesError::NotACopy { first, second });
        }
        let audits = (audit::entries(&of_first).await?, audit::entries(self.store()).await?);
        if !has_all_failovers(&audits.1, &audits.0) {
            return Err(DirectoriesError::Outdated { first, second });
        }
        if newest(&logs.1) > newest(&logs.0) {
            return Err(DirectoriesError::Newer { first, second });
        }
        Ok(())
    }

    /// Deletes the second shop's pending deliveries and executions, because the takeover publishes
    /// again all events that a consumer may not have handled. Then opens both directories again.
    ///
    /// # Errors
    /// See [`DirectoriesError`].
    pub fn emptied(self, config: &ShopConfig) -> Result<Self, DirectoriesError> {
        let (first, second) = (self.first.clone(), self.second.clone());
        drop(self);
        empty_engine(&second)?;
        Self::open(config, &first, &second)
    }

    /// The names of the two regions.
    #[must_use]
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// The takeover by the second shop.
    #[must_use]
    pub fn takeover(&self) -> Takeover<'_> {
        Takeover { standby: self, provider: &*self.provider.0, carrier: &self.carrier }
    }

    /// The store of the shop that takes over.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &**self.shop.local().store()
    }

    /// Puts both shops on standby: if started, they respond with 503 to requests that change
    /// something, and handle no messages. The second shop leaves standby when
    /// [`Directories::activate`] is called.
    ///
    /// # Errors
    /// See [`DirectoriesError`].
    pub async fn fence(&self) -> Result<(), DirectoriesError> {
        let Regions { from, to } = &self.regions;
        let of_first = DynoxideStore::open(&self.first.join(STORE_FILE), &[REGIONS_TABLE])?;
        name_active(&of_first, to).await?;
        for (directory, region) in [(&self.first, from), (&self.second, to)] {
            let file = directory.join(REGION_FILE);
            std::fs::write(&file, region).map_err(|error| DirectoriesError::File(file, error))?;
        }
        Ok(())
    }

    /// Makes the second shop's region the active region.
    ///
    /// # Errors
    /// See [`DirectoriesError`].
    pub async fn activate(&self) -> Result<(), DirectoriesError> {
        name_active(self.store(), &self.regions.to).await
    }

    /// Copies the partners' data to the second shop: what they refunded and recalled, and what they
    /// still have to report.
    ///
    /// # Errors
    /// If a store fails.
    pub async fn hand_over_partners(&self) -> Result<(), DirectoriesError> {
        Ok(self.shop.partners().replace_by(&self.partners).await?)
    }
}

/// Stores `region` as the active region, if it is not the active region already.
async fn name_active(store: &dyn Store, region: &str) -> Result<(), DirectoriesError> {
    let active = ActiveRegion::read(store).await?;
    if active.as_ref().is_none_or(|active| active.region != region) {
        store.write(&[ActiveRegion::taken_over(active.as_ref(), region, Timestamp::now())]).await?;
    }
    Ok(())
}

/// Returns the keys of the events among `items`, which are items of the event log's table.
fn keys(items: &[Item]) -> BTreeSet<(&str, &str)> {
    let events = items.iter().filter(|item| text(item, "detail-type").is_some());
    events.filter_map(|item| Some((text(item, "pk")?, text(item, "sk")?))).collect()
}

/// Returns when the newest event of the event log occurred; `None` if there are no events. `items`
/// are all items of the log's table.
fn newest(items: &[Item]) -> Option<Timestamp> {
    let events = items.iter().filter_map(chorus_event_log::published);
    let details = events.filter_map(|it| serde_json::from_str::<Detail<Value>>(&it.detail).ok());
    details.map(|detail| detail.metadata.occurred_at).max()
}

/// Returns the name of a directory, which is also the name of the region that the directory stands
/// for.
fn name(directory: &Path) -> Result<String, DirectoriesError> {
    let whole = directory.canonicalize();
    let whole = whole.map_err(|_| DirectoriesError::NoShop(directory.to_owned()))?;
    Ok(whole.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

#[async_trait]
impl Standby for Directories {
    fn kernel(&self) -> &Kernel {
        self.shop.local().kernel()
    }

    /// Nothing to check: no second process can open the directory of the shop that takes over.
    async fn check_current(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn items(&self, table: &'static str) -> Result<Vec<Item>, Failure> {
        Ok(self.shop.local().store().all(table)?)
    }

    async fn events(&self) -> Result<Vec<Entry>, Failure> {
        #[derive(Deserialize)]
        struct OnBus {
            detail: Box<RawValue>,
        }
        let broken = |error: chorus_local::Error| Failure::later("Archive", error.to_string());
        let until = Timestamp::now() + SignedDuration::from_hours(24);
        let (mut entries, mut after) = (Vec::new(), 0);
        loop {
            let page = self.shop.local().archive(Timestamp::UNIX_EPOCH, until, after).await;
            let page = page.map_err(broken)?;
            let Some(last) = page.last() else { return Ok(entries) };
            after = last.sequence;
            for event in &page {
                let OnBus { detail } = serde_json::from_str(&event.json)
                    .map_err(|error| Failure::corrupt("event", &error))?;
                let (source, detail_type) = (event.source.clone(), event.detail_type.clone());
                entries.push(Entry { source, detail_type, detail: detail.get().to_owned() });
            }
        }
    }
}

/// The payment provider of both shops.
struct Provider(Arc<dyn PaymentProvider>);

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").finish_non_exhaustive()
    }
}

/// The simulated carrier of both shops. The carrier is opened, but does not run.
#[derive(Debug)]
struct OpenedCarrier(Arc<Carrier>);

#[async_trait]
impl ParcelCarrier for OpenedCarrier {
    async fn orders(&self, since: Timestamp) -> Result<BTreeSet<OrderId>, Failure> {
        let (mut orders, mut after) = (BTreeSet::new(), None);
        loop {
            let (parcels, next) = self.0.accepted(since, after.as_deref()).await?;
            orders.extend(parcels.into_iter().map(|parcel| parcel.order_id));
            if next.is_none() {
                return Ok(orders);
            }
            after = next;
        }
    }

    async fn recall(&self, order_id: &OrderId) -> Result<(), Failure> {
        match self.0.recall(order_id).await? {
            Recall::Done | Recall::TooLate => Ok(()),
            Recall::Refused => {
                let message = "the carrier refuses the recall of the parcel".to_owned();
                Err(Failure::Terminal { code: "Refused", message })
            }
        }
    }

    async fn report_again(&self, since: Timestamp) -> Result<(), Failure> {
        self.0.report_again(since).await
    }
}

/// A webhook that is never called, because the carrier does not run.
struct NoShopListens;

#[async_trait]
impl Webhook for NoShopListens {
    async fn post(&self, _: &Callback) -> Result<(), NotAccepted> {
        Err(NotAccepted("no shop is running".to_owned()))
    }
}
