//! A parcel, and its next steps. The functions are pure: the current time is a parameter.

use chorus_events::commands::LogisticsStatus;
use chorus_events::delivery::DeliveryMarkedAsStarted;
use chorus_events::{CustomerId, OrderId, Tracking, TrackingNumber};
use chorus_kernel::{derived_id, entity};
use chorus_table::Handle;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::{Callback, CarrierConfig};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The carrier has accepted the parcel, and will pick it up.
    Accepted,
    PickedUp,
    Delivered,
    /// The carrier has given up: the parcel is damaged, or the shop no longer has the customer's
    /// address.
    GivenUp,
    /// The shop has asked the carrier to return the parcel.
    Recalled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Parcel {
    /// The order's id. The shop identifies the parcel by it.
    pub order_id: OrderId,
    /// The customer who receives the parcel; `None` if the parcel was recalled before it was handed
    /// in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The handle by which the shop recognizes the parcel in callbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// The tracking number. `None` for a parcel that an earlier release accepted; its callbacks
    /// then contain no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<TrackingNumber>,
    pub status: Status,
    /// When the carrier accepted the parcel; `None` if the parcel was recalled before it was handed
    /// in, or if an earlier release accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// The callback that still has to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_callback: Option<LogisticsStatus>,
    /// How many times the carrier has attempted `pending_callback`.
    pub attempts: u32,
    /// When the parcel's next step is due; `None` if the parcel has no next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
}

impl Parcel {
    /// A parcel that is accepted at `now`.
    pub(crate) fn accepted(
        parcel: &DeliveryMarkedAsStarted,
        now: Timestamp,
        config: &CarrierConfig,
    ) -> Self {
        let DeliveryMarkedAsStarted { order_id, customer_id, handle, .. } = parcel.clone();
        let silent = Behaviour::of(&customer_id).silent;
        let due = (!silent).then(|| after(now, config.pickup_after));
        let (status, customer_id) = (Status::Accepted, Some(customer_id));
        let number = number(&order_id);
        Self {
            order_id,
            customer_id,
            handle,
            number,
            status,
            accepted_at: Some(now),
            pending_callback: None,
            attempts: 0,
            due,
        }
    }

    /// A parcel that is recalled before it was handed in.
    pub(crate) fn recalled_before_arrival(order_id: OrderId) -> Self {
        Self {
            order_id,
            customer_id: None,
            handle: None,
            number: None,
            status: Status::Recalled,
            accepted_at: None,
            pending_callback: None,
            attempts: 0,
            due: None,
        }
    }

    /// The recalled parcel; `None` if it is too late for a recall.
    pub(crate) fn recalled(&self) -> Option<Self> {
        match self.status {
            Status::Accepted | Status::PickedUp => {
                let status = Status::Recalled;
                Some(Self {
                    status,
                    pending_callback: None,
                    attempts: 0,
                    due: None,
                    ..self.clone()
                })
            }
            Status::Delivered | Status::GivenUp | Status::Recalled => None,
        }
    }

    /// The behaviour that the customer's id selects.
    pub(crate) fn behaviour(&self) -> Behaviour {
        self.customer_id.as_ref().map(Behaviour::of).unwrap_or_default()
    }

    /// Whether the carrier still has to fetch the parcel's address.
    pub(crate) fn needs_address(&self) -> bool {
        self.status == Status::Accepted && self.pending_callback.is_none()
    }

    /// The parcel after the carrier gave it up, because the shop no longer has the customer's
    /// address.
    pub(crate) fn undeliverable(&self) -> Self {
        let (status, pending_callback) = (Status::GivenUp, Some(LogisticsStatus::DeliveryCanceled));
        Self { status, pending_callback, attempts: 0, ..self.clone() }
    }

    /// The parcel after its next step, with the callback for that step pending. If an earlier
    /// callback is still pending, returns the parcel unchanged.
    pub(crate) fn after_next_step(&self) -> Self {
        if self.pending_callback.is_some() {
            return self.clone();
        }
        let (status, callback_due) = match self.status {
            Status::Accepted => (Status::PickedUp, LogisticsStatus::DeliveryStarted),
            Status::PickedUp if self.behaviour().cancels => {
                (Status::GivenUp, LogisticsStatus::DeliveryCanceled)
            }
            Status::PickedUp => (Status::Delivered, LogisticsStatus::Delivered),
            Status::Delivered | Status::GivenUp | Status::Recalled => {
                return Self { due: None, ..self.clone() };
            }
        };
        Self { status, pending_callback: Some(callback_due), attempts: 0, ..self.clone() }
    }

    /// The parcel after the shop accepted the callback at `now`.
    pub(crate) fn after_callback_accepted(&self, now: Timestamp, config: &CarrierConfig) -> Self {
        let goes_on = self.status == Status::PickedUp;
        let due = goes_on.then(|| after(now, config.delivery_after));
        Self { pending_callback: None, attempts: 0, due, ..self.clone() }
    }

    /// The parcel after a callback failed at `now`. If that was the last attempt, no step is due
    /// any more.
    pub(crate) fn after_callback_failed(&self, now: Timestamp, config: &CarrierConfig) -> Self {
        let attempts = self.attempts + 1;
        let goes_on = attempts < config.attempts;
        let due = goes_on.then(|| after(now, config.wait_after(attempts)));
        Self { attempts, due, ..self.clone() }
    }

    /// The parcel with its latest callback pending again, due at `now`. `None` if the carrier has
    /// not picked up the parcel, or if the parcel was recalled.
    pub(crate) fn to_report_again(&self, now: Timestamp) -> Option<Self> {
        let latest = match self.status {
            Status::Accepted | Status::Recalled => return None,
            Status::PickedUp => LogisticsStatus::DeliveryStarted,
            Status::Delivered => LogisticsStatus::Delivered,
            Status::GivenUp => LogisticsStatus::DeliveryCanceled,
        };
        Some(Self { pending_callback: Some(latest), attempts: 0, due: Some(now), ..self.clone() })
    }

    /// The body of the pending callback, identical at every attempt.
    pub(crate) fn callback(&self) -> Option<Callback> {
        let (status, handle) = (self.pending_callback?, self.handle.clone()?);
        let damaged = || "the parcel was damaged".to_owned();
        let reason = (status == LogisticsStatus::DeliveryCanceled).then(damaged);
        let picked_up = status == LogisticsStatus::DeliveryStarted;
        let number = self.number.clone().filter(|_| picked_up);
        let tracking = number.map(|number| Tracking { number, url: None });
        Some(Callback { order_id: self.order_id.clone(), handle, status, reason, tracking })
    }
}

/// The parcel's tracking number, derived from the order's id.
fn number(order_id: &OrderId) -> Option<TrackingNumber> {
    let named = derived_id("parcel", order_id.as_str(), 0).simple().to_string();
    format!("SIM{}", named[..12].to_ascii_uppercase()).parse().ok()
}

fn after(now: Timestamp, wait: std::time::Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

entity!(Parcel: "parcel" in crate::CARRIER_TABLE, by order_id: OrderId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiKey;
    use chorus_events::samples;
    use chorus_table::Event;

    fn config() -> CarrierConfig {
        CarrierConfig::new(ApiKey::new("key"))
    }

    fn of(customer: &str) -> Parcel {
        let customer_id = customer.parse().unwrap();
        let parcel = DeliveryMarkedAsStarted { customer_id, ..Event::sample() };
        Parcel::accepted(&parcel, samples::moment(), &config())
    }

    /// The statuses that the carrier reports for a parcel if the shop accepts every callback at the
    /// first attempt.
    fn story(mut parcel: Parcel) -> Vec<LogisticsStatus> {
        let mut callback_due = Vec::new();
        while let Some(due) = parcel.due {
            parcel = parcel.after_next_step();
            callback_due.extend(parcel.callback().map(|callback| callback.status));
            parcel = parcel.after_callback_accepted(due, &config());
        }
        callback_due
    }

    #[test]
    fn a_customers_id_selects_what_becomes_of_the_parcel() {
        use LogisticsStatus::{Delivered, DeliveryCanceled, DeliveryStarted};
        assert_eq!(story(of("456")), [DeliveryStarted, Delivered]);
        assert_eq!(story(of("carrier-twice")), [DeliveryStarted, Delivered]);
        assert_eq!(story(of("x-carrier-cancels")), [DeliveryStarted, DeliveryCanceled]);
        assert_eq!(story(of("carrier-silent")), []);
    }

    #[test]
    fn a_parcel_has_a_number_which_is_reported_when_it_is_picked_up() {
        let picked_up = of("456").after_next_step();
        let callback_due = |parcel: &Parcel| parcel.callback().unwrap().tracking;
        assert_eq!(callback_due(&picked_up).map(|tracking| tracking.number), of("456").number);
        assert_eq!(
            callback_due(
                &picked_up.after_callback_accepted(samples::moment(), &config()).after_next_step()
            ),
            None
        );
        let earlier = Parcel { number: None, ..of("456") };
        assert_eq!(callback_due(&earlier.after_next_step()), None);
    }

    #[test]
    fn a_parcel_is_called_back_until_it_arrived() {
        let picked_up = of("456").after_next_step();
        assert_eq!(story(picked_up.recalled().unwrap()), []);
        let delivered =
            picked_up.after_callback_accepted(samples::moment(), &config()).after_next_step();
        assert_eq!(delivered.recalled(), None);
        assert_eq!(delivered.callback().unwrap().status, LogisticsStatus::Delivered);
    }

    #[test]
    fn a_shop_that_never_answers_gets_a_limited_number_of_callbacks() {
        let mut parcel = of("456").after_next_step();
        let mut attempts = 0;
        while let Some(due) = parcel.due {
            assert_eq!(parcel.callback().unwrap().status, LogisticsStatus::DeliveryStarted);
            parcel = parcel.after_callback_failed(due, &config()).after_next_step();
            attempts += 1;
        }
        assert_eq!(attempts, config().attempts);
    }
}
