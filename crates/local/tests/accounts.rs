//! Commands that other AWS accounts put on the bus. A row of the design table gets commands only
//! from its partner's account. The sender's account determines a command's actor and tenant,
//! whatever the command's metadata says.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chorus_kernel::{Action, Context, Decided, Decision, Function, Input, Publisher};
use chorus_local::{Local, LocalConfig, Observation, Observer, Replay, Selection, VirtualClock};
use chorus_table::{CallBody, Callers, Entry, Event, Metadata, OutsideBus, Partner, sample_time};
use jiff::Timestamp;
use serde_json::{Value, json};

mod services {
    chorus_table::services! {
        /// Keeps items.
        INVENTORY: "inventory", "Inventory", "com.inventory";
    }
}

mod commands {
    chorus_table::event! {
        /// List an item.
        ListItem: chorus_table::Owner::Service(super::services::INVENTORY), Command, about sku, {
            sku: String = "chai".to_owned(),
        }
    }
}

mod facts {
    chorus_table::event! {
        /// An item was listed.
        ItemListed: chorus_table::Owner::Service(super::services::INVENTORY), End, about sku, {
            sku: String = "chai".to_owned(),
        }
    }
}

const CATALOGUE: Partner =
    Partner { name: "catalogue", source: "com.example.catalogue", body: CallBody::Detail };

const ENTERPRISE: OutsideBus =
    OutsideBus { name: "enterprise", source: "com.example.shop", personal: &[] };

chorus_table::design_table! {
    /// Lists an item.
    ListItem: INVENTORY api [ListItem] => [ItemListed]
        .records().callers(Callers::Anyone).commands_from(CATALOGUE, ENTERPRISE);
}

struct ListItem;

impl Action for ListItem {
    type Row = rows::ListItem;
    type State = ();

    fn keys(&self, _: &Input<Self>) {}

    fn decide(&self, _: &Input<Self>, (): &(), _: &Context<'_>) -> Decided<Self> {
        Ok(Decision::emit(facts::ItemListed::sample()))
    }
}

const CATALOGUES_ACCOUNT: &str = "333333333333";

/// An account from which no row of the design table accepts commands.
const ANOTHER_ACCOUNT: &str = "444444444444";

const SOON: Duration = Duration::from_secs(20);

/// The metadata of each published `ItemListed` event, in the order of publication.
#[derive(Default)]
struct Listed(Mutex<Vec<Metadata>>);

impl Observer for Listed {
    fn observe(&self, observation: &Observation) {
        let Observation::Accepted(event) = observation else { return };
        if event.detail_type == facts::ItemListed::SPEC.detail_type {
            let event: Value = serde_json::from_str(&event.json).unwrap();
            let metadata = serde_json::from_value(event["detail"]["metadata"].clone());
            self.0.lock().unwrap().push(metadata.unwrap());
        }
    }
}

struct Shop {
    local: Local,
    listed: Arc<Listed>,
}

impl Shop {
    /// A shop whose catalogue sends commands from `account`. If `account` is none, the shop accepts
    /// no commands.
    fn open(account: Option<&str>) -> Self {
        let listed = Arc::<Listed>::default();
        let function = Function::of(services::INVENTORY).action(ListItem);
        let clock = VirtualClock::at(sample_time());
        let mut config = LocalConfig::new(&TABLE, vec![function]).virtual_time(&clock).seed(1);
        config.observer = Some(Arc::clone(&listed) as Arc<dyn Observer>);
        if let Some(account) = account {
            config = config.sender(CATALOGUE, account);
        }
        Self { local: Local::open(config).unwrap(), listed }
    }

    /// Puts the entry on the bus as this account, and lets the shop act on it. The bus accepts
    /// entries from every account. The bus's rules decide which service gets an entry.
    async fn put(&self, account: &str, entry: Entry) {
        assert_eq!(self.local.bus().put_events_of(account, &[entry]).await.unwrap(), []);
        self.local.runner().run_until_idle(SOON).await.unwrap();
    }

    fn listed(&self) -> Vec<Metadata> {
        self.listed.0.lock().unwrap().clone()
    }
}

/// The catalogue's command with this idempotency key. Its metadata names an actor and a tenant
/// other than those of the sender's account.
fn command(key: &str) -> Entry {
    let detail = json!({
        "metadata": {
            "idempotency-key": key,
            "event-id": uuid::Uuid::from_u128(7),
            "correlation-id": "chai",
            "occurred-at": sample_time(),
            "version": 1,
            "ttl-seconds": 86_400,
            "category": "command",
            "actor": "maria",
            "tenant": "ana",
        },
        "data": { "sku": "chai" },
    });
    Entry {
        source: CATALOGUE.source.to_owned(),
        detail_type: commands::ListItem::SPEC.detail_type.to_owned(),
        detail: detail.to_string(),
    }
}

#[tokio::test]
async fn a_command_and_what_it_causes_are_the_senders_accounts_whatever_the_sender_wrote() {
    let shop = Shop::open(Some(CATALOGUES_ACCOUNT));
    shop.put(CATALOGUES_ACCOUNT, command("k")).await;
    let listed = shop.listed();
    let [event] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(event.actor.as_deref(), Some("account 333333333333"));
    assert_eq!(event.tenant.as_deref(), Some("account-333333333333"));
}

#[tokio::test]
async fn an_account_is_answered_once_for_each_key_of_its_own() {
    let shop = Shop::open(Some(CATALOGUES_ACCOUNT));
    for key in ["k", "k", "another"] {
        shop.put(CATALOGUES_ACCOUNT, command(key)).await;
    }
    let keys = shop.listed().into_iter().map(|event| event.idempotency_key);
    let keys: std::collections::BTreeSet<String> = keys.collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    // A command of another account is not a duplicate, even if it has the same key.
    let other = Shop::open(Some(ANOTHER_ACCOUNT));
    other.put(ANOTHER_ACCOUNT, command("k")).await;
    assert!(!keys.contains(&other.listed()[0].idempotency_key), "{keys:?}");
}

#[tokio::test]
async fn what_another_account_sends_or_is_not_the_partners_command_has_no_effect() {
    let shop = Shop::open(Some(CATALOGUES_ACCOUNT));
    shop.put(ANOTHER_ACCOUNT, command("k")).await;
    assert_eq!(shop.local.bus().put_events(&[command("k")]).await.unwrap(), [], "its own account");
    let event = command("k").detail.replace(r#""category":"command""#, r#""category":"event""#);
    assert_ne!(event, command("k").detail);
    shop.put(CATALOGUES_ACCOUNT, Entry { detail: event, ..command("k") }).await;
    let source = services::INVENTORY.source.to_owned();
    shop.put(CATALOGUES_ACCOUNT, Entry { source, ..command("k") }).await;
    let detail_type = "DelistItem".to_owned();
    shop.put(CATALOGUES_ACCOUNT, Entry { detail_type, ..command("k") }).await;
    assert_eq!(shop.listed(), []);
    assert_eq!(shop.local.dead_letters(&Selection::default()), []);
    shop.put(CATALOGUES_ACCOUNT, command("k")).await;
    assert_eq!(shop.listed().len(), 1, "the same command, of the partner's account");
}

#[tokio::test]
async fn a_replay_of_the_archive_admits_no_other_account() {
    let shop = Shop::open(Some(CATALOGUES_ACCOUNT));
    shop.put(ANOTHER_ACCOUNT, command("k")).await;
    let (name, rule) = ("again".to_owned(), None);
    let (from, to) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    let replay = Replay { name, from, to, rule, dry_run: false };
    shop.local.replay(&replay).await.unwrap();
    shop.local.runner().run_until_idle(SOON).await.unwrap();
    assert_eq!(shop.listed(), []);
}

#[tokio::test]
async fn without_an_account_of_the_partner_nobody_may_send_its_commands() {
    let shop = Shop::open(None);
    for account in [CATALOGUES_ACCOUNT, ANOTHER_ACCOUNT, ""] {
        shop.put(account, command("k")).await;
    }
    assert_eq!(shop.listed(), []);
}
