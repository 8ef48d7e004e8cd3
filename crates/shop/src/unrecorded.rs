//! Charges at the payment provider that are missing from the shop's payments. Either the shop's
//! store was restored to a time before the charges, or another shop uses the same account of the
//! payment provider.
//!
//! This module reads the shop through the kernel's port [`Store`], so the shop may be on a laptop
//! or on AWS.

use chorus_events::{Money, OrderId};
use chorus_kernel::{Failure, Found, Store, load};
use chorus_payment::{
    IntentId, IntentState, ListedIntent, Payment, PaymentProvider, ProviderError, RefundAnswer,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::doctor::Discrepancy;

/// The result of refunding a charge that is missing from the shop's payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefundedCharge {
    /// The provider's id of the charge's payment intent.
    pub intent: String,
    /// The refunded amount; zero if the bank only held the amount, or if the refund was refused.
    pub refunded: Money,
    /// Why the provider refused the refund; absent if the provider did not refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Returns the unrecorded payment intents: intents that were created at `since` or later and that
/// are missing from the order's payment, although the provider has charged the customer for them or
/// may still charge the customer.
///
/// # Errors
/// If the payments cannot be read. The inner result is an error if the provider fails.
async fn intents(
    store: &dyn Store,
    provider: &dyn PaymentProvider,
    since: Timestamp,
) -> Result<Result<Vec<ListedIntent>, ProviderError>, Failure> {
    let listed = match provider.list(since).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    let mut found = Vec::new();
    for listed in listed {
        if !matches!(listed.state, IntentState::Confirmed | IntentState::Held) {
            continue;
        }
        // This read must follow the provider's list. The Payment service stores a payment intent
        // before it asks the provider to charge. So a listed charge whose intent is not stored by
        // now is unrecorded.
        let payment: Found<Payment> = load(store, listed.order_id.clone()).await?;
        if !payment.is_some_and(|payment| has(&payment.value, &listed.intent)) {
            found.push(listed);
        }
    }
    Ok(Ok(found))
}

/// Returns the unrecorded payment intents of this order: intents that the order's payment does not
/// record, although the provider has charged the customer for them or may still charge the
/// customer.
///
/// # Errors
/// If the payment cannot be read. The inner result is an error if the provider fails.
pub async fn intents_of(
    store: &dyn Store,
    provider: &dyn PaymentProvider,
    order: &OrderId,
) -> Result<Result<Vec<ListedIntent>, ProviderError>, Failure> {
    let mut found = intents(store, provider, Timestamp::UNIX_EPOCH).await?;
    if let Ok(intents) = &mut found {
        intents.retain(|it| it.order_id == *order);
    }
    Ok(found)
}

/// Whether the payment records this payment intent, which must be of the same order. The release of
/// commit c92b2c2 recorded a charge without the charge's intent; for a payment with such a charge,
/// this function returns `true`.
fn has(payment: &Payment, intent: &IntentId) -> bool {
    match &payment.intent {
        Some(recorded) => recorded == intent,
        None => payment.charge_id.is_some(),
    }
}

/// Returns the doctor's findings: one for each unrecorded payment intent that was created at
/// `since` or later. If the provider cannot list its payment intents, returns a single finding that
/// says so.
///
/// # Errors
/// If the payments cannot be read.
pub async fn findings(
    store: &dyn Store,
    provider: &dyn PaymentProvider,
    since: Timestamp,
) -> Result<Vec<Discrepancy>, Failure> {
    match intents(store, provider, since).await? {
        Ok(intents) => Ok(intents.iter().map(finding).collect()),
        Err(error) => Ok(vec![unreadable(&error)]),
    }
}

fn finding(listed: &ListedIntent) -> Discrepancy {
    let (order, IntentId(intent)) = (&listed.order_id, &listed.intent);
    let did = if listed.state == IntentState::Held { "holds an amount" } else { "made a charge" };
    Discrepancy {
        about: order.to_string(),
        problem: format!(
            "the payment provider {did} by the payment intent {intent}, which the shop has not recorded"
        ),
        remedy: format!(
            "chorus payment refund-unrecorded {order}, unless the order is another shop's"
        ),
    }
}

/// Returns the finding that the provider's charges cannot be read.
pub(crate) fn unreadable(error: &dyn std::fmt::Display) -> Discrepancy {
    Discrepancy {
        about: "the payment provider".to_owned(),
        problem: format!(
            "the provider's charges cannot be read, so they were not compared with the shop's \
             payments: {error}"
        ),
        remedy: "run chorus doctor again, once the provider answers".to_owned(),
    }
}

/// Makes the provider refund what these payment intents charged. The provider refunds each intent
/// only once.
///
/// # Errors
/// If the provider fails for a payment intent. The intents before this intent are then already
/// refunded, and the intents after it are not.
pub async fn refund(
    provider: &dyn PaymentProvider,
    intents: &[ListedIntent],
) -> Result<Vec<RefundedCharge>, ProviderError> {
    let mut refunds = Vec::new();
    for listed in intents {
        let IntentId(intent) = listed.intent.clone();
        let (refunded, refused) = match provider.refund(&listed.refund()).await? {
            RefundAnswer::Refunded { amount } => (amount, None),
            RefundAnswer::NothingCharged => (Money::ZERO, None),
            RefundAnswer::Refused { reason } => (Money::ZERO, Some(reason)),
        };
        refunds.push(RefundedCharge { intent, refunded, refused });
    }
    Ok(refunds)
}

#[cfg(test)]
mod tests {
    use chorus_events::samples;

    use super::*;

    #[test]
    fn a_payment_has_the_intent_that_it_names_and_an_old_one_has_the_only_one() {
        let intent = |id: &str| IntentId(id.to_owned());
        let payment = |named: Option<&str>, charged: Option<&str>| Payment {
            intent: named.map(intent),
            charge_id: charged.map(ToOwned::to_owned),
            ..Payment::new(samples::order_id())
        };
        assert!(has(&payment(Some("first"), None), &intent("first")));
        assert!(!has(&payment(Some("first"), Some("charge")), &intent("second")));
        assert!(has(&payment(None, Some("charge")), &intent("first")));
        assert!(!has(&payment(None, None), &intent("first")));
    }
}
