//! Signs the update that the shop's front end gets about an order's progress.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::OrderId;
use chorus_events::storefront::OrderUpdated;
use chorus_events::table::rows::{self, SignUpdateInput, SignUpdateOutput};
use chorus_kernel::{
    ActionError, CallContext, Decision, ExternalAction, OutcomeUnknown, People, Secret, Step,
};

use crate::{Claims, FrontEndSecret};

/// The action `SignUpdate`. Its external call reads the secret and signs the update with it.
pub(crate) struct SignUpdate(pub(crate) Arc<dyn Secret<FrontEndSecret>>);

#[async_trait]
impl ExternalAction for SignUpdate {
    type Row = rows::SignUpdate;
    type State = ();
    type Request = Claims;
    type Response = String;

    const CALLS: bool = false;

    fn keys(&self, _: &SignUpdateInput) {}

    fn decide(
        &self,
        input: &SignUpdateInput,
        (): &(),
        context: &CallContext<'_, String>,
    ) -> Result<Step<Claims, SignUpdateOutput>, ActionError> {
        let claims = Claims::of(input, context.message.metadata().occurred_at);
        let Some(signed_update) = context.response.cloned() else {
            return Ok(Step::Call { request: claims, claim: Vec::new() });
        };
        let order_id: OrderId = claims.order_id().clone();
        Ok(Step::Done(Decision::emit(OrderUpdated { order_id, signed_update })))
    }

    async fn call(&self, claims: &Claims, _: &str, _: &People) -> Result<String, OutcomeUnknown> {
        let secret = self.0.read().await.map_err(|failure| OutcomeUnknown(failure.to_string()))?;
        let unsigned = |error| format!("the update of order {}: {error}", claims.order_id());
        secret.sign(claims).map_err(|error| OutcomeUnknown(unsigned(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::logistics::DeliveryStarted;
    use chorus_events::order::{OrderCanceled, OrderCreated, OrderDelivered};
    use chorus_events::payment::{
        ConfirmationRequired, PaymentAuthorized, PaymentCanceled, PaymentMade, ReviewRequested,
    };
    use chorus_events::{Money, samples};
    use chorus_kernel::KnownSecret;
    use chorus_kernel::testing::{Stored, expect_ready, message, people, step};
    use chorus_table::Event;
    use hmac::{Hmac, Mac};
    use serde_json::{Value, json};
    use sha2::Sha256;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn signed(input: impl Into<SignUpdateInput>) -> String {
        let (action, input) =
            (SignUpdate(Arc::new(KnownSecret(SECRET.parse().unwrap()))), input.into());
        let on = |response| step(&action, input.clone(), &message(), &Stored::default(), response);
        let Ok(Step::Call { request, claim }) = on(None) else { panic!("it is signed by a call") };
        assert_eq!(claim, []);
        let token = expect_ready(action.call(&request, "", &people())).unwrap();
        let Ok(Step::Done(decision)) = on(Some(&token)) else { panic!("it is signed") };
        let [SignUpdateOutput::OrderUpdated(updated)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(updated.order_id, samples::order_id());
        assert!(decision.changes().is_empty());
        updated.signed_update.clone()
    }

    /// Verifies a token that is signed with `secret`, as in RFC 7515, and returns its header and
    /// claims.
    fn opened(token: &str, secret: &str) -> Option<[Value; 2]> {
        let (signed, signature) = token.rsplit_once('.')?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let (header, claims) = signed.split_once('.')?;
        let read = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        Some([read(header), read(claims)])
    }

    #[test]
    fn each_step_of_an_order_is_published_with_the_states_that_changed() {
        let nothing_charged =
            PaymentCanceled { refunded: Money::ZERO, ..PaymentCanceled::sample() };
        let cases: [(SignUpdateInput, Value); 11] = [
            (
                OrderCreated::sample().into(),
                json!({ "type": "OrderCreated", "status": "Open", "payment": "pending",
                        "delivery": "pending" }),
            ),
            (
                DeliveryEstimated::sample().into(),
                json!({ "type": "DeliveryEstimated", "delivery": "estimated",
                        "deliver-by": samples::estimated_arrival() }),
            ),
            (
                ReviewRequested::sample().into(),
                json!({ "type": "ReviewRequested", "payment": "in-review" }),
            ),
            (
                ConfirmationRequired::sample().into(),
                json!({ "type": "ConfirmationRequired", "payment": "awaiting-confirmation" }),
            ),
            (
                PaymentAuthorized::sample().into(),
                json!({ "type": "PaymentAuthorized", "payment": "authorized" }),
            ),
            (PaymentMade::sample().into(), json!({ "type": "PaymentMade", "payment": "paid" })),
            (
                DeliveryStarted::sample().into(),
                json!({ "type": "DeliveryStarted", "delivery": "started" }),
            ),
            (
                OrderDelivered::sample().into(),
                json!({ "type": "OrderDelivered", "status": "Delivered", "delivery": "delivered" }),
            ),
            (
                OrderCanceled::sample().into(),
                json!({ "type": "OrderCanceled", "status": "Canceled", "delivery": "canceled" }),
            ),
            (
                PaymentCanceled::sample().into(),
                json!({ "type": "PaymentCanceled", "payment": "refunded" }),
            ),
            (nothing_charged.into(), json!({ "type": "PaymentCanceled", "payment": "canceled" })),
        ];
        for (input, mut expected) in cases {
            let [_, claims] = opened(&signed(input), SECRET).unwrap();
            expected["at"] = json!(samples::moment());
            assert_eq!(claims["update"], expected);
        }
    }

    #[test]
    fn the_token_is_the_one_of_the_samples_and_says_until_when_it_is_good() {
        let token = signed(OrderDelivered::sample());
        assert_eq!(token, samples::signed_update());
        let [header, claims] = opened(&token, SECRET).unwrap();
        assert_eq!(header, json!({ "typ": "order-update+jwt", "alg": "HS256" }));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("chorus"), &json!("1073459984")));
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 25 * 3_600);
    }

    #[test]
    fn a_token_that_was_changed_or_signed_with_another_secret_is_not_believed() {
        let token = signed(OrderDelivered::sample());
        assert!(opened(&token, "another secret of more than 32 bytes").is_none());
        let other = signed(OrderCanceled::sample());
        let (head, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        assert!(opened(&format!("{head}.{signature}"), SECRET).is_none());
    }

    #[test]
    fn an_update_that_comes_twice_has_the_same_name_and_another_one_has_another() {
        let name = |token: String| opened(&token, SECRET).unwrap()[1]["jti"].clone();
        let paid = name(signed(PaymentMade::sample()));
        assert_eq!(paid, name(signed(PaymentMade::sample())));
        assert_ne!(paid, name(signed(OrderDelivered::sample())));
    }

    #[test]
    fn an_update_has_no_personal_data() {
        let everything = format!("{:?}", opened(&signed(OrderCreated::sample()), SECRET));
        let address = samples::address();
        for personal in [&address.name, &samples::customer_name(), &samples::email()] {
            assert!(!everything.contains(personal.as_str()), "{}", personal.as_str());
        }
        assert!(!everything.contains("customer"), "{everything}");
    }
}
