//! Whether tenants take turns: a tenant's delivery does not wait for another tenant's backlog.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chorus_local::{Accepted, Work};

/// While a tenant waits, at most this many more deliveries may be taken of another tenant than of
/// the waiting one.
const MOST_AHEAD: usize = 2;

/// The receiver of deliveries: all functions together, or one partner. At each of them, tenants
/// take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Functions,
    /// The partner of the route with this index.
    Partner(usize),
}

/// The deliveries of a run, in the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Vec<(Server, Arc<str>)>,
    /// How many deliveries had been taken when each event was accepted, by the event's number.
    accepted: HashMap<u64, usize>,
    /// The deliveries whose first attempt was taken: the event's number, and the route.
    tried: HashSet<(u64, usize)>,
}

impl Turns {
    /// Records that the bus accepted an event: its deliveries are due from now on.
    pub(crate) fn accepted(&mut self, event: &Accepted) {
        self.accepted.insert(event.sequence, self.taken.len());
    }

    /// Records a delivery that was taken. Returns a violation, as `kind: what`, if the delivery
    /// waited too long.
    ///
    /// Only the first attempt is checked, because a further one is due later.
    pub(crate) fn took(&mut self, work: &Work) -> Option<String> {
        let (server, taken) = match work {
            Work::Invoke(taken) => (Server::Functions, taken),
            Work::Call(taken) => (Server::Partner(taken.route), taken),
            Work::Batch(_) | Work::Job(_) | Work::Wake(_) => return None,
        };
        let (event, route) = (&taken.event, taken.route);
        let tenant = event.tenant.clone()?;
        self.taken.push((server, Arc::clone(&tenant)));
        if event.replay.is_some() || !self.tried.insert((event.sequence, route)) {
            return None;
        }
        let since = *self.accepted.get(&event.sequence)?;
        self.check(&tenant, server, since)
    }

    /// Checks the deliveries that were taken while this tenant waited.
    fn check(&self, tenant: &str, server: Server, since: usize) -> Option<String> {
        let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, of) in self.taken[since..].iter().filter(|(by, _)| *by == server) {
            *turns.entry(of).or_default() += 1;
        }
        let own = turns.remove(tenant).unwrap_or(0);
        let (other, most) = turns.into_iter().max_by_key(|(_, count)| *count)?;
        (most > own + MOST_AHEAD).then(|| {
            format!("turns: while {tenant} waited, it got {own} deliveries, and {other} got {most}")
        })
    }
}
