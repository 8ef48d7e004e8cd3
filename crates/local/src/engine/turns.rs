//! Fair turns: the tenants take turns with their due deliveries, so that a tenant with a backlog
//! does not hold up other tenants.
//!
//! This is start-time fair queueing; every delivery counts as the same amount of work. A delivery
//! that becomes due is assigned to a round: the current round, or the round after its tenant's
//! latest one, whichever is later. Rounds are served one after the other. So a tenant without a
//! backlog waits for at most one delivery of each other tenant, however long the other backlogs
//! are. The deliveries of one tenant keep their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::DeliveryId;

/// [`Turns::last`] may have this many more tenants than there are due deliveries. If it has more,
/// tenants whose latest round has been reached are removed from it.
const MAX_IDLE_TENANTS: usize = 64;

/// Deliveries that take turns: the messages of one queue, all invocations of functions, or one
/// route's calls to its partner. Each delivery becomes due at its own time.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Deliveries that were not due yet when [`Self::take`] was last called.
    later: BTreeMap<(Timestamp, DeliveryId), Option<Arc<str>>>,
    /// Deliveries that are due, in the order of their rounds.
    ready: BTreeSet<(u64, Timestamp, DeliveryId)>,
    /// The round of each delivery that is due.
    rounds: HashMap<DeliveryId, u64>,
    /// The round of the delivery that was taken last.
    round: u64,
    /// For each tenant, the latest round to which one of its deliveries was assigned.
    last: HashMap<Arc<str>, u64>,
}

impl Turns {
    /// Adds a delivery that is due at `at`. A delivery without a tenant is treated like the only
    /// delivery of a tenant.
    pub(crate) fn add(&mut self, at: Timestamp, id: DeliveryId, tenant: Option<&Arc<str>>) {
        self.later.insert((at, id), tenant.cloned());
    }

    /// The time at which the next delivery is due. This time is in the past if a delivery is due
    /// already.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let ready = self.ready.first().map(|(_, at, _)| *at);
        let later = self.later.first_key_value().map(|((at, _), _)| *at);
        ready.into_iter().chain(later).min()
    }

    /// Takes the due delivery whose turn it is; `None` if no delivery is due.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<DeliveryId> {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, id), tenant) = entry.remove_entry();
            let round = self.place(tenant);
            self.ready.insert((round, at, id));
            self.rounds.insert(id, round);
        }
        let (round, _, id) = self.ready.pop_first()?;
        self.rounds.remove(&id);
        self.round = round;
        if self.ready.is_empty() {
            self.last.clear();
        } else if self.last.len() > self.ready.len() + MAX_IDLE_TENANTS {
            self.last.retain(|_, last| *last > round);
        }
        Some(id)
    }

    /// Removes a delivery that is due at `at`.
    pub(crate) fn remove(&mut self, at: Timestamp, id: DeliveryId) {
        match self.rounds.remove(&id) {
            Some(round) => self.ready.remove(&(round, at, id)),
            None => self.later.remove(&(at, id)).is_some(),
        };
    }

    fn place(&mut self, tenant: Option<Arc<str>>) -> u64 {
        let Some(tenant) = tenant else { return self.round };
        let next = self.last.get(&tenant).map_or(self.round, |last| self.round.max(last + 1));
        self.last.insert(tenant, next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn turns(tenants: &[&str]) -> Turns {
        let mut turns = Turns::default();
        for (id, tenant) in tenants.iter().enumerate() {
            turns.add(NOW, id as DeliveryId, Some(&Arc::from(*tenant)));
        }
        turns
    }

    fn taken(turns: &mut Turns) -> Vec<DeliveryId> {
        std::iter::from_fn(|| turns.take(NOW)).collect()
    }

    #[test]
    fn tenants_take_turns_and_each_keeps_its_order() {
        let mut turns = turns(&["loud", "loud", "loud", "quiet", "loud", "quiet"]);
        assert_eq!(taken(&mut turns), [0, 3, 1, 5, 2, 4]);
        assert_eq!(turns.next_at(), None);
    }

    #[test]
    fn whoever_comes_late_is_next() {
        let mut turns = turns(&["loud"; 1_000]);
        for id in 0..500 {
            assert_eq!(turns.take(NOW), Some(id));
        }
        turns.add(NOW, 1_000, Some(&Arc::from("quiet")));
        turns.add(NOW, 1_001, None);
        let next = [turns.take(NOW), turns.take(NOW), turns.take(NOW)];
        assert_eq!(next, [Some(1_000), Some(1_001), Some(500)]);
    }

    #[test]
    fn what_is_not_due_is_not_taken_and_what_is_removed_never_is() {
        let mut turns = turns(&["ana", "ana", "ben"]);
        let soon = Timestamp::from_second(1).unwrap();
        turns.add(soon, 3, None);
        turns.remove(NOW, 0);
        assert_eq!(turns.take(NOW), Some(1));
        turns.remove(NOW, 2);
        assert_eq!((turns.take(NOW), turns.next_at()), (None, Some(soon)));
        assert_eq!(turns.take(soon), Some(3));
    }

    #[test]
    fn tenants_that_have_nothing_are_forgotten() {
        let mut turns = Turns::default();
        for id in 0..10_000_u64 {
            turns.add(NOW, id, Some(&Arc::from(format!("customer-{id}"))));
            assert_eq!(turns.take(NOW), Some(id));
        }
        assert!(turns.last.len() <= MAX_IDLE_TENANTS + 1, "{}", turns.last.len());
    }
}
