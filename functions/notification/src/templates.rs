//! The texts of the emails, one for each event. The amounts in an event are in the shop's currency,
//! which the event does not name. The texts add the currency's code to each amount.

use chorus_events::outages::{PartnerRecovered, PartnerUnavailable};
use chorus_events::payment::ConfirmationRequired;
use chorus_events::table::rows::{AlertOperatorInput, SendEmailInput};
use chorus_events::{Currency, Money, OrderId, Tracking};

/// An email's text; `template` is the detail type of the event that the email reports.
pub(crate) struct Text {
    pub(crate) template: &'static str,
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Returns the email that a customer gets, without the salutation.
pub(crate) fn to_customer(input: &SendEmailInput, currency: Currency) -> Text {
    let price = |amount| price(amount, currency);
    let (template, subject, says) = match input {
        SendEmailInput::ConfirmationRequired(event) => (
            "ConfirmationRequired",
            format!("Confirm your payment for order {}", event.order_id),
            to_confirm(event, currency),
        ),
        SendEmailInput::PaymentAuthorized(event) => (
            "PaymentAuthorized",
            format!("Your bank has agreed to pay for order {}", event.order_id),
            format!(
                "thank you: your bank holds {} for us, and your order is packed next. You are charged \
                 when the parcel leaves.",
                price(event.amount)
            ),
        ),
        SendEmailInput::PaymentMade(event) => (
            "PaymentMade",
            format!("We have your payment for order {}", event.order_id),
            format!("thank you: {} was charged for your order.", price(event.amount)),
        ),
        SendEmailInput::DeliveryStarted(event) => (
            "DeliveryStarted",
            format!("Your order {} is on its way", event.order_id),
            on_its_way(event.tracking.as_ref()),
        ),
        SendEmailInput::OrderCanceled(event) => (
            "OrderCanceled",
            format!("Your order {} was canceled", event.order_id),
            format!(
                "your order over {} was canceled: {}. Whatever was charged is refunded.",
                price(event.total),
                event.reason
            ),
        ),
        SendEmailInput::OrderDelivered(event) => (
            "OrderDelivered",
            format!("Your order {} was delivered", event.order_id),
            format!("your order over {} has arrived. Enjoy it!", price(event.total)),
        ),
    };
    Text { template, subject, body: format!("{says}\n\nYour shop\n") }
}

/// Returns an amount with the code of its currency, such as `237.51 EUR`.
fn price(amount: Money, currency: Currency) -> String {
    format!("{amount} {}", currency.code())
}

/// Returns the text that asks the customer to confirm a payment: where, and until when.
fn to_confirm(event: &ConfirmationRequired, currency: Currency) -> String {
    let ConfirmationRequired { amount, confirm_at, until, .. } = event;
    let amount = price(*amount, currency);
    let place = match confirm_at {
        Some(url) => format!("Please do so at {url}"),
        None => "Please do so in your bank's app.".to_owned(),
    };
    format!(
        "your bank asks you to confirm the payment of {amount}. {place}\n\n\
         The order is kept for you until {}. It is canceled if the payment is not confirmed by then.",
        until.strftime("%-d %B %Y, %H:%M UTC")
    )
}

/// Returns the text that says that the carrier has the parcel, and how to track the parcel.
fn on_its_way(tracking: Option<&Tracking>) -> String {
    let picked_up = "the carrier has picked your parcel up.";
    match tracking {
        None => picked_up.to_owned(),
        Some(Tracking { number, url: None }) => format!("{picked_up} Its number is {number}."),
        Some(Tracking { number, url: Some(url) }) => {
            format!("{picked_up} Its number is {number}; follow it at {url}")
        }
    }
}

/// Returns the email that tells an operator what went wrong with an order, and why.
pub(crate) fn to_operator(input: &AlertOperatorInput, currency: Currency) -> Text {
    let (order_id, reason) = order_and_reason(input);
    let (template, says) = match input {
        AlertOperatorInput::ErrorItemUnreserved(_) => {
            ("ErrorItemUnreserved", "its reserved items could not be released")
        }
        AlertOperatorInput::ErrorItemReturned(_) => {
            ("ErrorItemReturned", "its removed items could not be returned to the stock")
        }
        AlertOperatorInput::CaptureFailed(_) => {
            ("CaptureFailed", "its amount could not be charged, and its parcel may be on its way")
        }
        AlertOperatorInput::ErrorPaymentCanceled(_) => {
            ("ErrorPaymentCanceled", "its charge could not be refunded")
        }
        AlertOperatorInput::ErrorPaymentDisputed(_) => {
            ("ErrorPaymentDisputed", "its customer disputes the charge")
        }
        AlertOperatorInput::ErrorDeliveryWasDelivered(_) => (
            "ErrorDeliveryWasDelivered",
            "the carrier delivered a parcel that should not have been on its way",
        ),
        AlertOperatorInput::ErrorDeliveryWasCanceled(_) => {
            ("ErrorDeliveryWasCanceled", "its delivery could not be canceled")
        }
    };
    let subject = format!("Order {order_id} needs an operator: {template}");
    let todo = todo(input, currency);
    let body = format!("Order {order_id}: {says}.\n\nReason: {reason}\n{todo}");
    Text { template, subject, body }
}

/// Returns the instruction to the operator for a disputed charge, with the deadline if there is
/// one; empty for any other event.
fn todo(input: &AlertOperatorInput, currency: Currency) -> String {
    let AlertOperatorInput::ErrorPaymentDisputed(dispute) = input else { return String::new() };
    let by = dispute.respond_by.map(|at| format!(" by {}", at.strftime("%-d %B %Y, %H:%M UTC")));
    format!(
        "\n{} is disputed. At the payment provider, answer with evidence{}, or accept the dispute; the provider decides.\n",
        price(dispute.amount, currency),
        by.unwrap_or_default()
    )
}

/// Returns the email that tells an operator which partner does not answer.
pub(crate) fn outage(event: &PartnerUnavailable) -> Text {
    let PartnerUnavailable { partner, since, reason } = event;
    Text {
        template: "PartnerUnavailable",
        subject: format!("The {partner} does not answer"),
        body: format!(
            "The {partner} has not answered several calls in a row. Since {since} only a few test calls are made \
             to it; messages that need it wait, and are processed automatically once it answers.\n\nThe last call: {reason}\n"
        ),
    }
}

/// Returns the email that tells an operator which partner answers again.
pub(crate) fn recovery(event: &PartnerRecovered) -> Text {
    let PartnerRecovered { partner, since, .. } = event;
    Text {
        template: "PartnerRecovered",
        subject: format!("The {partner} answers again"),
        body: format!(
            "The {partner}, which had not been called since {since}, has answered. The messages that \
             waited for it are processed within minutes.\n"
        ),
    }
}

/// Returns the order that the error is about, and the error's reason.
pub(crate) fn order_and_reason(input: &AlertOperatorInput) -> (&OrderId, &str) {
    match input {
        AlertOperatorInput::ErrorItemUnreserved(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::ErrorItemReturned(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::CaptureFailed(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::ErrorPaymentCanceled(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::ErrorPaymentDisputed(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::ErrorDeliveryWasDelivered(error) => (&error.order_id, &error.reason),
        AlertOperatorInput::ErrorDeliveryWasCanceled(error) => (&error.order_id, &error.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::logistics::DeliveryStarted;
    use chorus_events::payment::ErrorPaymentDisputed;
    use chorus_events::table::TABLE;
    use chorus_events::table::rows;
    use chorus_table::{Event, Inputs, Row};

    fn chf() -> Currency {
        "CHF".parse().unwrap()
    }

    /// Every sample of every event that the row consumes, with its detail type.
    fn samples<R: Row>() -> Vec<(&'static str, R::Input)> {
        let mut samples = Vec::new();
        for event in R::Input::EVENTS {
            for sample in TABLE.message(event.detail_type).unwrap().samples().unwrap() {
                let data = serde_json::value::to_raw_value(&sample["detail"]["data"]).unwrap();
                let input = R::Input::read(event.detail_type, event.version, &data).unwrap();
                samples.push((event.detail_type, input));
            }
        }
        samples
    }

    #[test]
    fn every_amount_in_an_email_is_in_the_shops_currency() {
        for (event, input) in samples::<rows::SendEmail>() {
            let body = to_customer(&input, chf()).body;
            let words: Vec<&str> = body.split_whitespace().collect();
            let is_amount = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
            let amounts = words.windows(2).filter(|pair| is_amount(pair[0]));
            let currencies: Vec<&str> = amounts.map(|pair| pair[1]).collect();
            assert!(currencies.iter().all(|it| it.starts_with("CHF")), "{event}: {body}");
            assert_eq!(currencies.is_empty(), event == "DeliveryStarted", "{event}: {body}");
        }
    }

    #[test]
    fn every_email_to_a_customer_names_its_event_and_the_order() {
        for (event, input) in samples::<rows::SendEmail>() {
            let text = to_customer(&input, chf());
            assert_eq!(text.template, event);
            assert!(text.subject.contains("1073459984"), "{}", text.subject);
            assert!(text.body.ends_with("\n\nYour shop\n"), "{}", text.body);
        }
    }

    #[test]
    fn who_has_to_confirm_a_payment_gets_the_address_and_the_deadline() {
        let text = to_customer(&ConfirmationRequired::sample().into(), chf());
        assert_eq!(text.subject, "Confirm your payment for order 1073459984");
        let body = "your bank asks you to confirm the payment of 237.51 CHF. Please do so at \
                    https://bank.example/confirm?payment=1073459984&key=5f0a\n\n\
                    The order is kept for you until 25 November 2026, 10:47 UTC. It is canceled if \
                    the payment is not confirmed by then.\n\nYour shop\n";
        assert_eq!(text.body, body);
        let by_app = ConfirmationRequired { confirm_at: None, ..Event::sample() };
        let text = to_customer(&by_app.into(), chf());
        assert!(text.body.contains("in your bank's app."), "{}", text.body);
    }

    #[test]
    fn an_operator_is_alerted_to_the_disputed_amount_and_the_deadline() {
        let text = to_operator(&ErrorPaymentDisputed::sample().into(), chf());
        let todo = "237.51 CHF is disputed. At the payment provider, answer with evidence by 25 November 2026, 10:47 UTC, or";
        assert!(text.body.contains(todo), "{}", text.body);
    }

    #[test]
    fn who_waits_for_a_parcel_learns_how_to_track_it() {
        let sample = DeliveryStarted::sample();
        let number = sample.tracking.clone().map(|tracking| Tracking { url: None, ..tracking });
        for (tracking, end) in [
            (
                sample.tracking.clone(),
                "follow it at https://carrier.example/parcels/JD014600003828",
            ),
            (number, "Its number is JD014600003828."),
            (None, "the carrier has picked your parcel up."),
        ] {
            let text = to_customer(&DeliveryStarted { tracking, ..sample.clone() }.into(), chf());
            assert!(text.body.contains(&format!("{end}\n")), "{}", text.body);
        }
    }

    #[test]
    fn every_email_to_an_operator_names_its_event_the_order_and_the_reason() {
        for (event, input) in samples::<rows::AlertOperator>() {
            let text = to_operator(&input, chf());
            assert_eq!(text.template, event);
            assert!(text.subject.contains("1073459984"), "{}", text.subject);
            assert!(text.body.contains(order_and_reason(&input).1), "{}", text.body);
        }
    }
}
