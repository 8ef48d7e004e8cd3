//! What operators do during a run: they replay the archive, rebuild projections, and redrive dead
//! letters. This file also deletes expired records, and publishes unreadable messages and messages
//! of other AWS accounts.

use std::future::Future;
use std::sync::Arc;

use chorus_kernel::{IDEMPOTENCY_TABLE, Item};
use chorus_local::Selection;
use chorus_table::Entry;
use jiff::Timestamp;

use super::Simulation;
use super::task::{Done, NextStep, Purpose};
use crate::application::{Application, Poison, Sent, Unreadable};
use crate::draw::{self, Draw};
use crate::invariants::poison_mark;

impl<A: Application> Simulation<A> {
    /// Deletes expired idempotency records as DynamoDB's TTL does: each record up to two days late.
    pub(crate) fn expire(&mut self) {
        let (backing, environment) =
            (Arc::clone(&self.observed.backing), Arc::clone(&self.environment));
        let now = environment.now().as_second();
        self.chore("ttl", async move {
            let late = |item: &Item| {
                let part = |name| chorus_kernel::text(item, name).unwrap_or_default();
                let name = format!("{} {}", part("pk"), part("sk"));
                i64::try_from(Draw::of(environment.seed, &name).below(48 * 3_600)).unwrap_or(0)
            };
            if let Err(error) = backing.expire(&IDEMPOTENCY_TABLE, now, late).await {
                tracing::error!(%error, "expired records cannot be deleted");
            }
        });
        self.run();
    }

    pub(crate) fn replay(&mut self, name: &str) {
        let local = Arc::clone(&self.active().local);
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

    /// Discards the projections, and rebuilds them.
    pub(crate) fn rebuild(&mut self) {
        let store = Arc::clone(&self.active().kernel.store);
        let rebuild = self.application.rebuild(&self.observed, store);
        self.chore("rebuild", rebuild);
    }

    /// Sends the readable dead letters to their targets again. If a case (such as an order) was
    /// lost with its region, the case's dead letters stay: their consumers can never handle them.
    pub(crate) fn redrive(&mut self) -> usize {
        let readable = self.observed.dead_letters().filter(|(_, readable)| *readable);
        let letters = readable.map(|(letter, _)| letter).filter(|letter| {
            !self.application.was_lost(&self.observed, &letter.event.correlation_id)
        });
        let ids: Vec<u64> = letters.map(|letter| letter.id).collect();
        let count = ids.len();
        if count > 0 {
            let selection = Selection { ids: Some(ids), ..Selection::default() };
            self.send_back(selection);
        }
        count
    }

    /// Sends dead letters to their targets again, including unreadable ones.
    pub(super) fn send_back(&mut self, selection: Selection) {
        let local = Arc::clone(&self.active().local);
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
        let (label, place, site) = (name.to_owned(), name.to_owned(), self.active);
        let next = NextStep { label, place, purpose: Purpose::Chore, site };
        self.spawn(next, Box::pin(future));
    }

    pub(super) fn poison(&mut self, number: usize) {
        let Some(poison) = A::POISON.iter().cycle().nth(number) else { return };
        let bus = Arc::clone(self.active().local.bus());
        let entry = entry(poison, number);
        self.chore("poison", async move {
            if let Err(error) = chorus_kernel::Publisher::put_events(&*bus, &[entry]).await {
                tracing::error!(
                    %error,
                    "the simulation could not publish its unreadable test message"
                );
            }
        });
    }

    /// Publishes a message that another AWS account sends to the bus.
    pub(super) fn send(&mut self, sent: Sent) {
        let bus = Arc::clone(self.active().local.bus());
        self.chore("message of another account", async move {
            if let Err(error) = bus.put_events_of(sent.account, &[sent.entry]).await {
                tracing::error!(
                    %error,
                    "the simulation could not publish a message from another account"
                );
            }
        });
    }
}

fn entry(poison: &Poison, number: usize) -> Entry {
    let about = poison_mark(number);
    let detail = match poison.unreadable {
        Unreadable::Data(field) => format!(
            concat!(
                r#"{{"metadata":{{"idempotency-key":"{about}","event-id":"#,
                r#""00000000-0000-5000-8000-0000{id:08x}","correlation-id":"{about}","#,
                r#""occurred-at":"2026-11-20T10:47:00Z","version":1,"ttl-seconds":86400,"#,
                r#""category":"event"}},"data":{{"{field}":"{about}"}}}}"#
            ),
            about = about,
            id = draw::hash_name(&about) & 0xffff_ffff,
            field = field,
        ),
        Unreadable::Envelope => format!(r#"{{"hello":"{about}"}}"#),
    };
    let source = poison.event.owner.source().to_owned();
    Entry { source, detail_type: poison.event.detail_type.to_owned(), detail }
}
