//! Handles a notice from the payment provider. Completes the task that waits for the customer, or
//! publishes an event: about a dispute, about a refund that failed after the provider had accepted
//! the refund, or about an amount that the bank no longer holds.
//!
//! A notice about a charge does not contain the result; `ConcludePayment` asks the provider for the
//! result. A late notice, a duplicate, or a notice about an intent that does not pay the order
//! changes nothing.

use chorus_events::OrderId;
use chorus_events::commands::{PaymentNotice, PaymentReport};
use chorus_events::payment::{CaptureFailed, ErrorPaymentCanceled, ErrorPaymentDisputed};
use chorus_events::table::rows::{self, HearProviderInput, HearProviderOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, Versioned, replace, state};

use crate::confirmation_callback::concluded;
use crate::transitions::{Fact, Next};
use crate::{CaptureAnswer, ConfirmationCallback, Payment, Status};

/// The reason in an event if the provider's notice gives no reason.
const DEFAULT_REASON: &str = "the payment provider gives no reason";

#[derive(Debug)]
pub(crate) struct HearProvider;

state! {
    pub(crate) struct Known read by KnownKeys {
        payment: Found<Payment>,
        waiting: Found<ConfirmationCallback>,
    }
}

impl Action for HearProvider {
    type Row = rows::HearProvider;
    type State = Known;

    fn keys(&self, HearProviderInput::PaymentNotice(notice): &HearProviderInput) -> KnownKeys {
        let waiting = ConfirmationCallback::handle(&notice.order_id);
        KnownKeys { payment: notice.order_id.clone(), waiting }
    }

    fn tenant(&self, _: Option<&str>, _: &HearProviderInput, known: &Known) -> Option<String> {
        known.payment.as_ref()?.customer_id.as_ref().map(ToString::to_string)
    }

    fn decide(
        &self,
        HearProviderInput::PaymentNotice(notice): &HearProviderInput,
        Known { payment, waiting }: &Known,
        _: &Context<'_>,
    ) -> Result<Decision<HearProviderOutput>, ActionError> {
        let about = |payment: &&Versioned<Payment>| is_about(&payment.value, &notice.intent);
        let Some(payment) = payment.as_ref().filter(about) else {
            return Ok(Decision::nothing("the order is not paid by this intent"));
        };
        let reason = || notice.reason.clone().unwrap_or_else(|| DEFAULT_REASON.to_owned());
        Ok(match notice.report {
            PaymentReport::Canceled if payment.value.status == Status::Authorized => {
                lapsed(payment)
            }
            PaymentReport::Concluded | PaymentReport::Canceled => {
                conclude(payment.value.status, waiting, &notice.order_id)
            }
            PaymentReport::Disputed => disputed(&payment.value, notice, reason()),
            PaymentReport::RefundFailed => return refund_failed(payment, reason()),
        })
    }
}

/// Whether `intent` is the id of this payment's payment intent at the provider.
pub(crate) fn is_about(payment: &Payment, intent: &str) -> bool {
    payment.intent.as_ref().is_some_and(|own| own.0 == intent)
}

/// Completes the task that waits for the customer. If the notice comes before that task has begun
/// to wait, the answer is stored, and the task reads it.
fn conclude(
    status: Status,
    waiting: &Found<ConfirmationCallback>,
    order_id: &OrderId,
) -> Decision<HearProviderOutput> {
    match waiting {
        Some(waiting) if waiting.is_open() => {
            let (change, signal) = ConfirmationCallback::resolve(waiting, concluded());
            Decision::nothing("the task that waited for the customer is completed")
                .with(change)
                .signal(signal)
        }
        Some(_) => Decision::nothing("the provider has sent this result before"),
        None if matches!(status, Status::Charging | Status::WaitingForCustomer) => {
            let early = ConfirmationCallback::answered_early(order_id.clone(), &concluded());
            Decision::nothing("no task waits yet: the answer is stored for the task that will")
                .with(early)
        }
        None => Decision::nothing("no task waits for the result of the charge"),
    }
}

fn disputed(
    payment: &Payment,
    notice: &PaymentNotice,
    reason: String,
) -> Decision<HearProviderOutput> {
    Decision::emit(ErrorPaymentDisputed {
        order_id: notice.order_id.clone(),
        amount: notice.amount.unwrap_or(payment.charged),
        reason,
        respond_by: notice.respond_by,
    })
}

/// Records and publishes that the bank no longer holds the amount of an order whose parcel has not
/// left.
fn lapsed(payment: &Versioned<Payment>) -> Decision<HearProviderOutput> {
    let reason = "the authorization has lapsed, or was canceled at the provider".to_owned();
    let answer = CaptureAnswer::Failed { reason: reason.clone() };
    let failed =
        Payment { status: Status::CaptureFailed, ..payment.learn(&Fact::Capture(&answer)) };
    let order_id = payment.order_id.clone();
    Decision::emit(CaptureFailed { order_id, reason }).with(replace(payment, &failed))
}

fn refund_failed(
    payment: &Versioned<Payment>,
    reason: String,
) -> Result<Decision<HearProviderOutput>, ActionError> {
    let fact = Fact::RefundFailed(&reason);
    match payment.next(&fact) {
        Next::Publish(status) => {
            let order_id = payment.order_id.clone();
            let refused = Payment { status, ..payment.learn(&fact) };
            Ok(Decision::emit(ErrorPaymentCanceled { order_id, reason })
                .with(replace(payment, &refused)))
        }
        Next::Later(why) => Err(ActionError::Later(why.to_owned())),
        Next::Nothing(why) => Ok(Decision::nothing(why)),
        _ => Ok(Decision::nothing("the payment's status does not change because of this notice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{confirmation, confirms, intent, payment, stored_with, update};
    use chorus_events::{Money, samples};
    use chorus_kernel::Signal;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn notice(report: PaymentReport) -> PaymentNotice {
        PaymentNotice { intent: intent().0, report, ..Event::sample() }
    }

    fn on(notice: PaymentNotice, stored: &Stored) -> Decision<HearProviderOutput> {
        decide(&HearProvider, notice, stored).unwrap()
    }

    #[test]
    fn a_result_completes_the_task_that_waits_for_the_customer() {
        let open = confirmation("a-token", None);
        for status in [Status::WaitingForCustomer, Status::Refunding, Status::Canceled] {
            let stored = stored_with(&payment(status), Some(&open));
            let decision = on(notice(PaymentReport::Concluded), &stored);
            let answered = confirmation("a-token", Some(&concluded()));
            assert_eq!(decision.changes(), [confirms(&open, &answered)], "{status:?}");
            let signal = Signal::Answer { token: "a-token".to_owned(), output: concluded() };
            assert_eq!(decision.signals(), [signal], "{status:?}");
        }
    }

    #[test]
    fn a_result_that_comes_before_anything_waits_is_kept() {
        for status in [Status::Charging, Status::WaitingForCustomer] {
            let stored = stored_with(&payment(status), None);
            let decision = on(notice(PaymentReport::Concluded), &stored);
            let kept = ConfirmationCallback::answered_early(samples::order_id(), &concluded());
            assert_eq!(decision.changes(), [kept], "{status:?}");
            assert_eq!(decision.signals(), []);
        }
    }

    #[test]
    fn a_late_or_duplicate_notice_and_one_of_another_intent_change_nothing() {
        let answered = confirmation("a-token", Some(&concluded()));
        let (charged, waiting) = (payment(Status::Charged), payment(Status::WaitingForCustomer));
        let other = PaymentNotice { intent: "pi-2".into(), ..notice(PaymentReport::Concluded) };
        for (notice, stored) in [
            (notice(PaymentReport::Concluded), stored_with(&charged, None)),
            (notice(PaymentReport::Concluded), stored_with(&waiting, Some(&answered))),
            (other, stored_with(&waiting, Some(&confirmation("a-token", None)))),
            (notice(PaymentReport::Concluded), Stored::default()),
            (notice(PaymentReport::RefundFailed), stored_with(&payment(Status::Canceled), None)),
        ] {
            let decision = on(notice, &stored);
            assert!(decision.changes().is_empty() && decision.signals().is_empty());
            assert!(decision.events().is_empty());
        }
    }

    #[test]
    fn a_dispute_is_an_error_with_its_amount_and_deadline() {
        let stored = stored_with(&payment(Status::Charged), None);
        let notice = PaymentNotice {
            amount: Some(samples::total()),
            reason: Some("product_not_received".to_owned()),
            respond_by: Some(samples::estimated_arrival()),
            ..notice(PaymentReport::Disputed)
        };
        let decision = on(notice, &stored);
        assert_eq!(decision.events(), [ErrorPaymentDisputed::sample().into()]);
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn an_amount_that_the_bank_no_longer_holds_fails_its_capture_before_the_parcel_leaves() {
        let held = payment(Status::Authorized);
        let decision = on(notice(PaymentReport::Canceled), &stored_with(&held, None));
        let reason = "the authorization has lapsed, or was canceled at the provider".to_owned();
        let failed = Payment { reason: Some(reason.clone()), ..payment(Status::CaptureFailed) };
        assert_eq!(decision.changes(), [update(&held, &failed)]);
        assert_eq!(decision.events(), [CaptureFailed { reason, ..Event::sample() }.into()]);
        for status in [Status::Charged, Status::CaptureFailed, Status::Refunding, Status::Canceled]
        {
            let decision =
                on(notice(PaymentReport::Canceled), &stored_with(&payment(status), None));
            assert!(decision.events().is_empty() && decision.changes().is_empty(), "{status:?}");
        }
    }

    #[test]
    fn an_intent_that_is_canceled_while_the_customer_is_asked_ends_the_wait() {
        let open = confirmation("a-token", None);
        let stored = stored_with(&payment(Status::Refunding), Some(&open));
        let decision = on(notice(PaymentReport::Canceled), &stored);
        assert_eq!((decision.events().len(), decision.signals().len()), (0, 1));
    }

    #[test]
    fn a_refund_that_failed_before_its_result_is_stored_is_told_again_later() {
        let stored = stored_with(&payment(Status::Refunding), None);
        let refusal = decide(&HearProvider, notice(PaymentReport::RefundFailed), &stored);
        assert!(matches!(refusal, Err(ActionError::Later(_))), "{refusal:?}");
    }

    #[test]
    fn a_failed_refund_that_the_shop_has_not_recorded_alerts_an_operator() {
        let charged = payment(Status::Charged);
        let decision = on(notice(PaymentReport::RefundFailed), &stored_with(&charged, None));
        assert_eq!(decision.changes(), [update(&charged, &charged)]);
        assert!(matches!(decision.events(), [HearProviderOutput::ErrorPaymentCanceled(_)]));
    }

    #[test]
    fn a_refund_that_failed_later_is_a_refused_one() {
        let refunded = Payment {
            charged: samples::total(),
            refunded: samples::total(),
            ..payment(Status::Refunded)
        };
        let reason = "expired_or_canceled_card".to_owned();
        let notice =
            PaymentNotice { reason: Some(reason.clone()), ..notice(PaymentReport::RefundFailed) };
        let decision = on(notice, &stored_with(&refunded, None));
        let refused = Payment {
            status: Status::RefundRefused,
            refunded: Money::ZERO,
            reason: Some(reason.clone()),
            ..refunded.clone()
        };
        assert_eq!(decision.changes(), [update(&refunded, &refused)]);
        let error = ErrorPaymentCanceled { reason, ..Event::sample() };
        assert_eq!(decision.events(), [error.into()]);
    }
}
