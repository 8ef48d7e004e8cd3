//! The circuit breakers that one instance of a function remembers: one circuit for each partner
//! that the function calls. All instances share the circuits through the store.
//!
//! An instance reads a partner's circuit once, together with the state of its first decision. After
//! that, the instance reads the circuit again only if one of its calls failed, or if the pause of
//! an open circuit is over. So while a partner answers, the partner's circuit breaker costs no
//! further request to the store. The drawback: an instance whose own calls have not failed yet may
//! make one call while the circuit is open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chorus_table::{Breaker, Category, Detail, Entry, Metadata, PartnerState, Row, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::circuit::{Circuit, Permit};
use crate::committing::outgoing::TTL_SECONDS;
use crate::committing::record::{Publication, Record};
use crate::{
    ExternalAction, Failure, Item, Kernel, Key, Message, Store, StoreError, derived_id, record_key,
};
/// The failure code of a message that waits for a partner: the partner's circuit breaker is open,
/// so the partner is not called at present.
pub const PARTNER_UNAVAILABLE: &str = "PartnerUnavailable";

/// How many times an instance tries to write a circuit while other instances write it, too.
const ATTEMPTS: u32 = 4;

/// The circuits that one instance remembers, by the partner's name.
#[derive(Debug, Clone, Default)]
pub struct Breakers(Arc<Mutex<BTreeMap<&'static str, Circuit>>>);

impl Breakers {
    fn known(&self, breaker: &Breaker) -> Option<Circuit> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(breaker.partner.name).cloned()
    }

    fn learn(&self, breaker: &Breaker, circuit: Circuit) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(breaker.partner.name, circuit);
    }

    /// Remembers the circuit that this instance has just stored, unless another invocation of the
    /// instance has remembered a later version meanwhile.
    fn written(&self, breaker: &Breaker, circuit: Circuit) {
        if self.known(breaker).is_none_or(|known| known.version < circuit.version) {
            self.learn(breaker, circuit);
        }
    }

    /// The key of the partner's circuit; none if this instance has read the circuit already.
    pub(crate) fn unread(&self, breaker: &Breaker) -> Option<Key> {
        self.known(breaker).is_none().then(|| Circuit::key(breaker))
    }

    /// Remembers the circuit that `item` holds, or a closed circuit if nothing is stored.
    pub(crate) fn read(&self, breaker: &Breaker, item: Option<&Item>) -> Result<Circuit, Failure> {
        let circuit = item.map(Circuit::read).transpose()?.unwrap_or_default();
        self.learn(breaker, circuit.clone());
        Ok(circuit)
    }
}

impl Kernel {
    /// Calls the partner, and records in the partner's circuit whether the partner answered. The
    /// caller has to check the circuit first, with [`Self::permit`].
    pub(crate) async fn call<A: ExternalAction>(
        &self,
        action: &A,
        request: &A::Request,
        message: &Message,
    ) -> Result<A::Response, Failure> {
        let key = derived_id(A::Row::SPEC.action, &message.metadata.idempotency_key, 0);
        let called = action.call(request, &key.simple().to_string(), &self.people()).await;
        let Some(breaker) = A::Row::SPEC.breaker else {
            return called.map_err(|error| Failure::later("OutcomeUnknown", error.0));
        };
        match called {
            Ok(response) => {
                self.was_answered(breaker).await;
                Ok(response)
            }
            Err(error) => {
                let open = self.was_not_answered(breaker, &error.0).await;
                let code = if open { PARTNER_UNAVAILABLE } else { "OutcomeUnknown" };
                Err(Failure::later(code, error.0))
            }
        }
    }

    /// Checks that the partner of `breaker` may be called now. If the circuit is open and the call
    /// is to probe whether the partner answers again, first counts the probe in the stored circuit.
    ///
    /// # Errors
    /// If the circuit is open and no probe is due, or if the store fails: the message is then
    /// retried later.
    pub(crate) async fn permit(&self, breaker: &Breaker) -> Result<(), Failure> {
        let mut circuit = self.breakers.known(breaker).unwrap_or_default();
        for _ in 0..ATTEMPTS {
            match circuit.permit(breaker, self.clock.now()) {
                Permit::Call => return Ok(()),
                Permit::Wait => break,
                Permit::Probe(probed) => match self.store.write(&[probed.put(breaker)]).await {
                    Ok(()) => {
                        self.breakers.written(breaker, probed.stored());
                        return Ok(());
                    }
                    Err(StoreError::Refused(_)) => circuit = self.read_circuit(breaker).await?,
                    Err(error) => return Err(error.into()),
                },
            }
        }
        let partner = breaker.partner.name;
        Err(Failure::later(
            PARTNER_UNAVAILABLE,
            format!("calls to the {partner} are suspended, because the {partner} did not answer"),
        ))
    }

    async fn read_circuit(&self, breaker: &Breaker) -> Result<Circuit, Failure> {
        let item = self.store.get(&Circuit::key(breaker)).await?;
        self.breakers.read(breaker, item.as_ref())
    }

    /// Closes the circuit, and resets the count of failed calls, after a call that was answered.
    async fn was_answered(&self, breaker: &'static Breaker) {
        let known = self.breakers.known(breaker).unwrap_or_default();
        if known.after_answer().is_some() {
            self.change(breaker, known, Circuit::after_answer).await;
        }
    }

    /// Counts a call that was not answered. Returns whether the circuit is open now.
    async fn was_not_answered(&self, breaker: &'static Breaker, why: &str) -> bool {
        let now = self.clock.now();
        let known = match self.read_circuit(breaker).await {
            Ok(circuit) => circuit,
            Err(failure) => {
                tracing::warn!(
                    partner = breaker.partner.name,
                    code = failure.code(),
                    "a circuit breaker cannot be read: {failure}"
                );
                return false;
            }
        };
        let failed = |circuit: &Circuit| Some(circuit.after_failure(breaker, now, why));
        self.change(breaker, known, failed).await;
        self.breakers.known(breaker).is_some_and(|circuit| circuit.open_since.is_some())
    }

    /// Stores the circuit that `next` returns. If the circuit opens or closes, the same transaction
    /// stores an event that reports the change. If the store fails, this function logs the failure,
    /// and the stored circuit stays as it is.
    async fn change(
        &self,
        breaker: &'static Breaker,
        mut circuit: Circuit,
        next: impl Fn(&Circuit) -> Option<Circuit> + Send,
    ) {
        for _ in 0..ATTEMPTS {
            let Some(changed) = next(&circuit) else { return };
            let changes = async {
                let record = self.record_of(breaker, &circuit, &changed)?;
                let mut writes = vec![changed.put(breaker)];
                if let Some(record) = &record {
                    writes.push(record.put(self.clock.now())?);
                }
                self.store.write(&writes).await?;
                Ok::<_, Failure>(record)
            };
            match changes.await {
                Ok(record) => {
                    if record.is_some() {
                        log_change(breaker, &circuit, &changed);
                    }
                    self.breakers.written(breaker, changed.stored());
                    if let Some(record) = record {
                        self.publish_change(&record).await;
                    }
                    return;
                }
                Err(failure) if failure.code() == "Contended" => {}
                Err(failure) => {
                    tracing::warn!(
                        partner = breaker.partner.name,
                        code = failure.code(),
                        "a circuit breaker cannot be updated: {failure}"
                    );
                    return;
                }
            }
            let Ok(read) = self.read_circuit(breaker).await else { return };
            circuit = read;
        }
    }

    /// Returns the idempotency record to store with a change that opens or closes the circuit; none
    /// for any other change. The record holds the event that reports the change. If this process
    /// dies before publishing the event, the sweeper publishes the event.
    fn record_of(
        &self,
        breaker: &'static Breaker,
        before: &Circuit,
        after: &Circuit,
    ) -> Result<Option<Record>, Failure> {
        let (spec, of) = match (before.open_since, after.open_since) {
            (None, Some(_)) => (breaker.unavailable, after),
            (Some(_), None) => (breaker.recovered, before),
            _ => return Ok(None),
        };
        let partner = breaker.partner.name.to_owned();
        let since = of.open_since.unwrap_or_default();
        let occurred_at = self.clock.now();
        let key = format!("{partner}#{}", before.version + 1);
        let id = derived_id(spec.detail_type, &key, 0);
        let data = PartnerState { partner: partner.clone(), since, reason: of.reason.clone() };
        let metadata = Metadata {
            idempotency_key: id.simple().to_string(),
            event_id: id,
            correlation_id: partner.clone(),
            causation_id: None,
            occurred_at,
            version: spec.version,
            copy_of: None,
            ttl_seconds: TTL_SECONDS,
            category: Category::Event,
            traceparent: None,
            replay_name: None,
            actor: None,
            home_region: self.region.as_ref().map(|region| region.name().to_owned()),
            tenant: Some(partner),
        };
        let detail = serde_json::to_string(&Detail { metadata, data })
            .map_err(|error| Failure::unwritable("event", &error))?;
        let source = spec.owner.source().to_owned();
        let entry = Entry { source, detail_type: spec.detail_type.to_owned(), detail };
        Ok(Some(Record {
            key: record_key(spec.detail_type, &id.simple().to_string()),
            fingerprint: key,
            entries: vec![entry],
            published_by_machine: false,
            signals: Vec::new(),
            note: None,
            wrote: None,
            publication: Publication::LeftToSweeper,
        }))
    }

    async fn publish_change(&self, record: &Record) {
        match self.publish(record).await {
            Ok(()) => self.mark(record).await,
            Err(failure) => {
                tracing::warn!(
                    code = failure.code(),
                    "a circuit breaker's event was not published, and is left to the sweeper: {failure}"
                );
            }
        }
    }
}

/// Logs that a circuit has opened or closed. This is logged once; the messages that wait for the
/// partner are not logged one by one.
fn log_change(breaker: &Breaker, before: &Circuit, after: &Circuit) {
    let partner = breaker.partner.name;
    match after.open_since {
        Some(_) => tracing::warn!(
            partner,
            code = PARTNER_UNAVAILABLE,
            why = after.reason,
            "the {partner} does not answer, so calls to it are suspended, and messages for it wait"
        ),
        None => tracing::warn!(
            partner,
            since = before.open_since.map(|since| since.to_string()),
            "the {partner} answers again"
        ),
    }
}

/// A partner that is not called at present, because its circuit is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OpenCircuit {
    pub partner: String,
    pub since: Timestamp,
    /// Why the call that opened the circuit was not answered.
    pub reason: String,
    /// The earliest time at which the partner is called again, as a probe.
    pub probe_at: Timestamp,
}

/// The partners of `table` whose circuit is open.
///
/// # Errors
/// If the store fails, or a stored circuit cannot be read.
pub async fn open_circuits(store: &dyn Store, table: &Table) -> Result<Vec<OpenCircuit>, Failure> {
    let breakers = table.rows.iter().filter_map(|row| row.breaker);
    let breakers: BTreeMap<&str, &Breaker> =
        breakers.map(|breaker| (breaker.partner.name, breaker)).collect();
    let mut open = Vec::new();
    for (partner, breaker) in breakers {
        let item = store.get(&Circuit::key(breaker)).await?;
        let Some(circuit) = item.as_ref().map(Circuit::read).transpose()? else { continue };
        if let Some(since) = circuit.open_since {
            let (partner, reason) = (partner.to_owned(), circuit.reason);
            open.push(OpenCircuit { partner, since, reason, probe_at: circuit.probe_at });
        }
    }
    Ok(open)
}

#[cfg(test)]
pub(super) mod tests {
    use chorus_table::{CallBody, EventSpec, Owner, Partner, Role};

    use super::*;

    const PARTNER: Partner = Partner { name: "bank", source: "com.bank", body: CallBody::Detail };
    const UNAVAILABLE: EventSpec = EventSpec {
        detail_type: "PartnerUnavailable",
        owner: Owner::Partner(PARTNER),
        role: Role::Terminal,
        version: 1,
        meaning: "",
    };
    const RECOVERED: EventSpec = EventSpec { detail_type: "PartnerRecovered", ..UNAVAILABLE };

    pub(crate) const BANK: Breaker = Breaker {
        partner: PARTNER,
        failures: 3,
        within_seconds: 60,
        pause_seconds: 30,
        probes: 2,
        unavailable: &UNAVAILABLE,
        recovered: &RECOVERED,
    };
}
