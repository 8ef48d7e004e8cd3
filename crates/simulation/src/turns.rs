//! Checks that tenants take turns: a tenant's delivery must not wait for another tenant's backlog.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chorus_local::{Accepted, Work};

/// While a tenant waits, another tenant may get at most this many deliveries more than the waiting
/// tenant.
const MOST_AHEAD: usize = 2;

/// The receiver of deliveries: all functions together, or one partner. Tenants take turns at each
/// receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Functions,
    /// The partner that the route with this index calls.
    Partner(usize),
}

/// The deliveries of a run, in the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Vec<(Server, Arc<str>)>,
    /// For each event, by its number: how many deliveries had been taken when the bus accepted the
    /// event.
    accepted: HashMap<u64, usize>,
    /// The deliveries whose first attempt was taken, each by its event's number and its route.
    tried: HashSet<(u64, usize)>,
}

impl Turns {
    /// Remembers that the bus accepted an event. The event's deliveries are due from now on.
    pub(crate) fn accepted(&mut self, event: &Accepted) {
        self.accepted.insert(event.sequence, self.taken.len());
    }

    /// Remembers a delivery that was taken. Returns a violation, as `kind: description`, if the
    /// delivery waited too long.
    ///
    /// Only a delivery's first attempt is checked, because a retry is not yet due when its event is
    /// accepted.
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

    /// Counts each tenant's deliveries that were taken while `tenant` waited. Returns a violation
    /// if another tenant got too many more than `tenant`.
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
