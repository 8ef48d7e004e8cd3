//! Errors that need an operator: the events about which the action `AlertOperator` emails the
//! operators.

use chorus_event_log::LoggedEvent;
use chorus_events::table::rows;
use chorus_table::Row;
use jiff::Timestamp;

use super::Attention;

/// Returns the errors among an order's events that no later event has resolved and that no operator
/// has marked as handled.
pub(super) fn of(story: &[LoggedEvent], settled_at: Option<Timestamp>) -> Vec<Attention> {
    let mut found: Vec<Attention> = Vec::new();
    let open = |event: &&LoggedEvent| {
        let at = event.metadata.occurred_at;
        is_for_an_operator(&event.detail_type)
            && settled_at.is_none_or(|settled| settled < at)
            && !story.iter().any(|later| {
                settled_by(&event.detail_type) == Some(later.detail_type.as_str())
                    && later.metadata.occurred_at >= at
            })
    };
    for event in story.iter().filter(open) {
        let order_id = event.metadata.correlation_id.clone();
        let remedy = remedy(&event.detail_type, &order_id);
        // If an action was retried and failed again, only the last failure is reported.
        found.retain(|it| it.event != event.detail_type);
        found.push(Attention {
            order_id,
            event: event.detail_type.clone(),
            since: event.metadata.occurred_at,
            reason: event.data["reason"].as_str().unwrap_or_default().to_owned(),
            remedy,
        });
    }
    found
}

fn is_for_an_operator(detail_type: &str) -> bool {
    rows::AlertOperator::SPEC.on.iter().any(|event| event.detail_type == detail_type)
}

/// Returns the detail type of the event that resolves this error, if there is one.
fn settled_by(detail_type: &str) -> Option<&'static str> {
    match detail_type {
        "CaptureFailed" | "ErrorPaymentCanceled" => Some("PaymentCanceled"),
        "ErrorItemUnreserved" => Some("ItemUnreserved"),
        "ErrorItemReturned" => Some("ItemReturned"),
        _ => None,
    }
}

fn remedy(detail_type: &str, order: &str) -> String {
    match detail_type {
        "CaptureFailed" => format!(
            "chorus trace {order}; if the order was delivered before it could be canceled, ask the customer \
             to pay, then `chorus settle {order}`"
        ),
        "ErrorPaymentCanceled" => format!("chorus payment retry-refund {order}"),
        "ErrorPaymentDisputed" => format!(
            "answer the dispute at the payment provider, with the output of `chorus trace {order}` as evidence, then `chorus settle {order}`"
        ),
        "ErrorItemUnreserved" | "ErrorItemReturned" => format!(
            "count the items (`chorus accounts`), correct their stock, then `chorus settle {order}`"
        ),
        _ => format!("chorus trace {order}; once the error is handled, `chorus settle {order}`"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chorus_kernel::testing::metadata;
    use chorus_table::Metadata;
    use jiff::SignedDuration;
    use serde_json::json;

    fn event(detail_type: &str, second: i64) -> LoggedEvent {
        let occurred_at = metadata().occurred_at + SignedDuration::from_secs(second);
        LoggedEvent {
            detail_type: detail_type.to_owned(),
            source: None,
            metadata: Metadata { occurred_at, ..metadata() },
            data: json!({ "reason": "no balance" }),
        }
    }

    #[test]
    fn every_event_that_alerts_an_operator_has_a_remedy_that_names_a_command_and_the_order() {
        for spec in rows::AlertOperator::SPEC.on {
            let found = of(&[event(spec.detail_type, 0)], None);
            assert_eq!(found.len(), 1, "{}", spec.detail_type);
            let (remedy, order) = (&found[0].remedy, &found[0].order_id);
            assert!(remedy.contains("chorus ") && remedy.contains(order), "{remedy}");
        }
    }

    #[test]
    fn what_was_mended_or_settled_needs_nobody_and_what_fails_again_does() {
        let refused = event("ErrorPaymentCanceled", 0);
        let at = refused.metadata.occurred_at;
        assert_eq!(of(&[refused.clone(), event("PaymentCanceled", 5)], None), []);
        assert_eq!(of(std::slice::from_ref(&refused), Some(at)), []);
        let again = event("ErrorPaymentCanceled", 9);
        let found = of(&[refused, again.clone()], Some(at));
        assert_eq!(
            found.iter().map(|it| it.since).collect::<Vec<_>>(),
            [again.metadata.occurred_at]
        );
    }

    #[test]
    fn a_failure_that_only_cancels_the_order_needs_nobody() {
        assert_eq!(of(&[event("ItemNotAvailable", 0), event("ErrorItemDescribed", 1)], None), []);
    }
}
