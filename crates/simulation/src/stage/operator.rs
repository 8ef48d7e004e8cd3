//! What an operator does while orders run: replays, rebuilds, redrives; and messages that nobody
//! can read.

use std::future::Future;
use std::sync::Arc;

use chorus_kernel::{IDEMPOTENCY_TABLE, Item};
use chorus_local::Selection;
use jiff::Timestamp;

use super::Stage;
use super::task::{Done, Errand, Purpose};
use crate::draw::{self, Draw};

impl Stage {
    /// TTL deletes records that have expired, each up to two days late.
    pub(crate) fn expire(&mut self) {
        let (shelf, world) = (Arc::clone(&self.shelf), Arc::clone(&self.world));
        let now = world.now().as_second();
        self.chore("ttl", async move {
            let late = |item: &Item| {
                let part = |name| chorus_kernel::text(item, name).unwrap_or_default();
                let name = format!("{} {}", part("pk"), part("sk"));
                i64::try_from(Draw::of(world.seed, &name).below(48 * 3_600)).unwrap_or(0)
            };
            if let Err(error) = shelf.expire(&IDEMPOTENCY_TABLE, now, late).await {
                tracing::error!(%error, "TTL deletes nothing");
            }
        });
        self.run();
    }

    /// Replays the whole archive.
    pub(crate) fn replay(&mut self, name: &str) {
        let local = Arc::clone(&self.local);
        let replay = chorus_local::Replay {
            name: name.to_owned(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            rule: None,
            dry_run: false,
        };
        self.chore("replay", async move {
            if let Err(error) = local.replay(&replay).await {
                tracing::error!(%error, "the archive cannot be replayed");
            }
        });
    }

    /// Throws the list of orders away, and makes it anew.
    pub(crate) fn rebuild(&mut self) {
        self.shelf.clear(chorus_order::VIEW_TABLE.name);
        let store = Arc::clone(&self.kernel.store);
        self.chore("rebuild", async move {
            if let Err(error) = chorus_order::rebuild(&*store).await {
                tracing::debug!(%error, "the list of orders is not rebuilt");
            }
        });
    }

    /// Sends the dead letters that can be read to their targets again.
    pub(crate) fn redrive(&mut self) -> usize {
        let mut letters = self.local.dead_letters(&Selection::default());
        letters.retain(|letter| !crate::seen::is_poison(&letter.event));
        let ids: Vec<u64> = letters.iter().map(|letter| letter.id).collect();
        let count = ids.len();
        if count > 0 {
            let selection = Selection { ids: Some(ids), ..Selection::default() };
            self.send_back(selection);
        }
        count
    }

    /// Sends dead letters back, whether or not anybody can read them.
    pub(super) fn send_back(&mut self, selection: Selection) {
        let local = Arc::clone(&self.local);
        self.chore("redrive", async move {
            if let Err(error) = local.redrive(&selection).await {
                tracing::error!(%error, "the dead letters cannot be sent back");
            }
        });
    }

    pub(super) fn chore(
        &mut self,
        name: &'static str,
        chore: impl Future<Output = ()> + Send + 'static,
    ) {
        let future = async move {
            chore.await;
            Done::Chore
        };
        let errand =
            Errand { label: name.to_owned(), place: name.to_owned(), purpose: Purpose::Chore };
        self.spawn(errand, Box::pin(future));
    }

    /// Says something that nobody can read.
    pub(super) fn poison(&mut self, number: usize) {
        let bus = Arc::clone(self.local.bus());
        let entry = poison(number);
        self.chore("poison", async move {
            if let Err(error) = chorus_kernel::Publisher::put_events(&*bus, &[entry]).await {
                tracing::error!(%error, "the bus takes no poison");
            }
        });
    }
}

/// The messages that nobody can read, and the rules whose targets must bury them.
fn poison(number: usize) -> chorus_table::Entry {
    let about = format!("poison-{number}");
    let (source, detail_type, detail) = if number.is_multiple_of(2) {
        let id = draw::name(&about);
        let detail = format!(
            concat!(
                r#"{{"metadata":{{"idempotency-key":"{about}","event-id":"#,
                r#""00000000-0000-5000-8000-0000{id:08x}","correlation-id":"{about}","#,
                r#""occurred-at":"2026-11-20T10:47:00Z","version":1,"ttl-seconds":86400,"#,
                r#""category":"event"}},"data":{{"order-id":"{about}"}}}}"#
            ),
            about = about,
            id = id & 0xffff_ffff,
        );
        ("com.orders", "OrderCreated", detail)
    } else {
        ("com.inventory", "ItemReserved", format!(r#"{{"hello":"{about}"}}"#))
    };
    chorus_table::Entry { source: source.to_owned(), detail_type: detail_type.to_owned(), detail }
}

/// The rules whose targets must bury the poison of this number.
pub(crate) const fn buried_by(number: usize) -> &'static [&'static str] {
    if number.is_multiple_of(2) {
        &["inventory-ReserveItem", "analytics-CountOrder", "order-ProjectOrder"]
    } else {
        &["inventory-DescribeItem", "event-log-RecordEvent"]
    }
}
