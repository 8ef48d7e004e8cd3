//! Publishes what the carrier reports by its signed webhook, and completes the task that waits for
//! that report.

use chorus_events::Capture;
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::delivery::ErrorDeliveryWasDelivered;
use chorus_events::logistics::{Delivered, DeliveryCanceled, DeliveryStarted};
use chorus_events::table::rows::{self, RelayLogisticsInput, RelayLogisticsOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found};
use chorus_table::{Handle, Row};

use crate::carrier_callback::{answer, answered_status, capture};
use crate::{CarrierCallback, ParcelStatus};

#[derive(Debug)]
pub(crate) struct RelayLogistics;

impl Action for RelayLogistics {
    type Row = rows::RelayLogistics;
    type State = Found<CarrierCallback>;

    fn keys(&self, RelayLogisticsInput::LogisticsUpdate(update): &RelayLogisticsInput) -> Handle {
        update.handle.clone()
    }

    fn tenant(
        &self,
        _: Option<&str>,
        _: &RelayLogisticsInput,
        wait: &Found<CarrierCallback>,
    ) -> Option<String> {
        wait.as_ref()?.tenant().map(ToOwned::to_owned)
    }

    fn decide(
        &self,
        RelayLogisticsInput::LogisticsUpdate(update): &RelayLogisticsInput,
        wait: &Found<CarrierCallback>,
        context: &Context<'_>,
    ) -> Result<Decision<RelayLogisticsOutput>, ActionError> {
        let waiting = wait.as_ref().ok_or_else(|| {
            ActionError::NotFound(format!(
                "no parcel with the handle {} is under way",
                update.handle
            ))
        })?;
        if waiting.subject != update.order_id {
            let rule = "must be the handle of this order's parcel";
            return Err(ActionError::invalid("/handle", rule));
        }
        let (event, order_id) = (event(update, capture(waiting)), update.order_id.clone());
        Ok(match next(answered_status(waiting)?, update.status) {
            Next::Publish => Decision::emit(event),
            Next::Complete(parcel) => {
                let emitted = context.emitted(rows::RelayLogistics::SPEC.action, &event)?;
                let (change, signal) =
                    CarrierCallback::resolve(waiting, answer(parcel, Some(&emitted)));
                Decision::emit(event).with(change).signal(signal)
            }
            Next::Nothing(why) => Decision::nothing(why),
            Next::Alert(reason) => {
                let reason = reason.to_owned();
                Decision::emit(ErrorDeliveryWasDelivered { order_id, reason })
            }
            Next::Refuse(why) => {
                return Err(ActionError::Conflict(format!("the parcel of order {order_id} {why}")));
            }
        })
    }
}

/// The effect of a callback from the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Publish the callback's event, and continue to wait for the carrier's next callback.
    Publish,
    /// Publish the callback's event, and complete the waiting task with this status.
    Complete(ParcelStatus),
    Nothing(&'static str),
    /// Publish an error that alerts an operator.
    Alert(&'static str),
    Refuse(&'static str),
}

/// Returns the effect of a callback from the carrier that reports `status`. `answered_status` is
/// the status with which the waiting task was completed; `None` while the task still waits. After
/// the delivery was canceled, the callbacks "started" and "canceled" change nothing, and
/// "delivered" alerts an operator.
const fn next(answered_status: Option<ParcelStatus>, status: LogisticsStatus) -> Next {
    use LogisticsStatus::{Delivered, DeliveryCanceled, DeliveryStarted};
    match (answered_status, status) {
        (None, DeliveryStarted) => Next::Publish,
        (None, Delivered) => Next::Complete(ParcelStatus::Delivered),
        (None, DeliveryCanceled) => Next::Complete(ParcelStatus::DeliveryCanceled),

        (Some(ParcelStatus::Delivered), Delivered)
        | (Some(ParcelStatus::DeliveryCanceled), DeliveryCanceled) => {
            Next::Nothing("the carrier has reported this status before")
        }
        (Some(ParcelStatus::Delivered), DeliveryStarted) => {
            Next::Nothing("the parcel was delivered before")
        }
        (Some(ParcelStatus::Delivered), DeliveryCanceled) => Next::Refuse("was delivered before"),

        (
            Some(
                ParcelStatus::DeliveryCanceled | ParcelStatus::Canceled | ParcelStatus::NotStarted,
            ),
            Delivered,
        ) => Next::Alert("the delivery had been canceled"),
        (
            Some(
                ParcelStatus::DeliveryCanceled | ParcelStatus::Canceled | ParcelStatus::NotStarted,
            ),
            DeliveryStarted | DeliveryCanceled,
        ) => Next::Nothing("the delivery was canceled before"),
    }
}

fn event(update: &LogisticsUpdate, capture: Option<Capture>) -> RelayLogisticsOutput {
    let order_id = update.order_id.clone();
    match update.status {
        LogisticsStatus::DeliveryStarted => {
            DeliveryStarted { order_id, tracking: update.tracking.clone(), capture }.into()
        }
        LogisticsStatus::Delivered => Delivered { order_id, capture }.into(),
        LogisticsStatus::DeliveryCanceled => {
            let unsaid = || "the carrier gave no reason".to_owned();
            let reason = update.reason.clone().unwrap_or_else(unsaid);
            DeliveryCanceled { order_id, reason }.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier_callback::{CAPTURE_DUE, STATUSES, answered};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Kept, Signal, Versioned, replace};
    use chorus_table::Event;
    use chorus_table::Outputs;

    fn on(
        status: LogisticsStatus,
        answered_status: Option<ParcelStatus>,
    ) -> Result<Decision<RelayLogisticsOutput>, ActionError> {
        let wait = answered_status
            .map_or_else(open, |answered_status| answered(&open(), &answer(answered_status, None)));
        let update = LogisticsUpdate { status, handle: wait.handle.clone(), ..Event::sample() };
        decide(&RelayLogistics, update, &Stored::default().with(2, &wait))
    }

    fn open() -> CarrierCallback {
        CarrierCallback::of(samples::order_id(), "a-token")
    }

    #[test]
    fn what_the_carrier_reports_belongs_to_the_tenant_of_the_order() {
        let value = open().keeping(Kept { note: None, tenant: Some("ana") });
        let (update, wait) = (LogisticsUpdate::sample(), Some(Versioned { version: 2, value }));
        assert_eq!(RelayLogistics.tenant(None, &update.into(), &wait).as_deref(), Some("ana"));
    }

    #[test]
    fn each_report_of_the_carrier_is_an_event_of_the_same_name() {
        for (status, name, waits) in [
            (LogisticsStatus::DeliveryStarted, "DeliveryStarted", true),
            (LogisticsStatus::Delivered, "Delivered", false),
            (LogisticsStatus::DeliveryCanceled, "DeliveryCanceled", false),
        ] {
            let decision = on(status, None).unwrap();
            assert_eq!(decision.events()[0].spec().detail_type, name);
            assert_eq!(decision.signals().is_empty(), waits, "{name}");
            assert_eq!(decision.changes().is_empty(), waits, "{name}");
        }
    }

    #[test]
    fn how_the_parcel_is_followed_is_passed_on_when_it_was_picked_up() {
        let (status, tracking) = (LogisticsStatus::DeliveryStarted, Some(samples::tracking()));
        let handle = open().handle;
        let update = LogisticsUpdate { status, handle, tracking, ..Event::sample() };
        let decision =
            decide(&RelayLogistics, update, &Stored::default().with(2, &open())).unwrap();
        let started = RelayLogisticsOutput::DeliveryStarted(DeliveryStarted::sample());
        assert_eq!(decision.events(), [started]);
    }

    #[test]
    fn a_parcel_that_leaves_says_whether_its_order_is_to_be_charged() {
        for (note, expected) in [(None, None), (Some(CAPTURE_DUE), Some(Capture::Due))] {
            let wait = open().keeping(Kept { note, tenant: None });
            let stored = Stored::default().with(2, &wait);
            let on = |status| {
                let handle = wait.handle.clone();
                let update = LogisticsUpdate { status, handle, ..Event::sample() };
                decide(&RelayLogistics, update, &stored).unwrap().events()[0].clone()
            };
            let started = on(LogisticsStatus::DeliveryStarted);
            let RelayLogisticsOutput::DeliveryStarted(started) = started else { panic!() };
            let RelayLogisticsOutput::Delivered(delivered) = on(LogisticsStatus::Delivered) else {
                panic!()
            };
            assert_eq!((started.capture, delivered.capture), (expected, expected));
        }
    }

    #[test]
    fn the_machine_gets_the_very_event() {
        let decision = on(LogisticsStatus::Delivered, None).unwrap();
        let [Signal::Answer { output, .. }] = decision.signals() else { panic!("{decision:?}") };
        let read = Versioned { version: 2, value: open() };
        assert_eq!(decision.changes(), [replace(&read, &answered(&open(), output))]);
        assert_eq!(output["status"], "Delivered");
        assert_eq!(output["event"]["detail"]["data"]["order-id"], samples::order_id().as_str());
        assert_eq!(output["event"]["detail-type"], "Delivered");
    }

    #[test]
    fn a_callback_that_comes_twice_or_too_late_completes_no_task() {
        let again = on(LogisticsStatus::Delivered, Some(ParcelStatus::Delivered)).unwrap();
        let late = on(LogisticsStatus::DeliveryCanceled, Some(ParcelStatus::Canceled)).unwrap();
        for decision in [again, late] {
            assert!(decision.events().is_empty() && decision.signals().is_empty());
            assert!(decision.changes().is_empty());
        }
        let refused =
            on(LogisticsStatus::DeliveryCanceled, Some(ParcelStatus::Delivered)).unwrap_err();
        assert!(matches!(refused, ActionError::Conflict(_)), "{refused}");
    }

    #[test]
    fn once_the_wait_has_ended_no_status_publishes_an_event_of_the_carrier() {
        use LogisticsStatus::{Delivered, DeliveryCanceled, DeliveryStarted};
        for answered_status in STATUSES {
            for status in [DeliveryStarted, Delivered, DeliveryCanceled] {
                let next = next(Some(answered_status), status);
                let nothing_new = matches!(next, Next::Nothing(_));
                let was_canceled = answered_status != ParcelStatus::Delivered;
                let ended = match status {
                    Delivered if was_canceled => matches!(next, Next::Alert(_)),
                    DeliveryCanceled if !was_canceled => matches!(next, Next::Refuse(_)),
                    DeliveryStarted | Delivered | DeliveryCanceled => nothing_new,
                };
                assert!(ended, "{status:?} after {answered_status:?}: {next:?}");
            }
        }
    }

    #[test]
    fn a_status_of_a_newer_release_is_not_guessed_at() {
        let wait = answered(&open(), &serde_json::json!({ "status": "Lost" }));
        let update = LogisticsUpdate { handle: wait.handle.clone(), ..Event::sample() };
        let refused = decide(&RelayLogistics, update, &Stored::default().with(2, &wait));
        assert!(matches!(refused, Err(ActionError::Later(_))), "{refused:?}");
    }

    #[test]
    fn goods_that_reach_the_customer_of_a_canceled_order_are_reported() {
        let decision = on(LogisticsStatus::Delivered, Some(ParcelStatus::Canceled)).unwrap();
        assert!(decision.changes().is_empty());
        assert!(matches!(decision.events(), [RelayLogisticsOutput::ErrorDeliveryWasDelivered(_)]));
    }

    #[test]
    fn a_handle_answers_for_its_own_order_alone() {
        let waiting = CarrierCallback::of("another".parse().unwrap(), "a-token");
        let update = LogisticsUpdate { handle: waiting.handle.clone(), ..Event::sample() };
        let stored = Stored::default().with(1, &waiting);
        let refused = decide(&RelayLogistics, update.clone(), &stored).unwrap_err();
        assert!(refused.to_string().starts_with("/handle must be"), "{refused}");
        let refused = decide(&RelayLogistics, update, &Stored::default());
        assert!(matches!(refused, Err(ActionError::NotFound(_))));
    }
}
