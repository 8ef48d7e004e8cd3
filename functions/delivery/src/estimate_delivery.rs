//! Plans the delivery, and publishes the estimated arrival.

use chorus_events::customer::CustomerDescribed;
use chorus_events::delivery::{DeliveryEstimated, ErrorDeliveryEstimated};
use chorus_events::table::rows::{self, EstimateDeliveryInput, EstimateDeliveryOutput};
use chorus_events::{OrderId, Terms};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, create};
use jiff::{SignedDuration, Timestamp};

use crate::delivery::Plan;
use crate::transitions::{Fact, Next, next};
use crate::{Delivery, Status};

/// Countries that the carrier does not deliver to, because they have no permanent inhabitants:
/// Antarctica, Bouvet Island, Heard Island and McDonald Islands. The carrier delivers to all other
/// countries.
const UNSERVED: [&str; 3] = ["AQ", "BV", "HM"];

/// How long a parcel takes within the home country.
const AT_HOME: SignedDuration = SignedDuration::from_hours(2 * 24);

/// How long a parcel takes to any other country.
const ABROAD: SignedDuration = SignedDuration::from_hours(5 * 24);

#[derive(Debug)]
pub(crate) struct EstimateDelivery;

impl Action for EstimateDelivery {
    type Row = rows::EstimateDelivery;
    type State = Found<Delivery>;

    fn keys(
        &self,
        EstimateDeliveryInput::CustomerDescribed(order): &EstimateDeliveryInput,
    ) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        EstimateDeliveryInput::CustomerDescribed(order): &EstimateDeliveryInput,
        known: &Found<Delivery>,
        context: &Context<'_>,
    ) -> Result<Decision<EstimateDeliveryOutput>, ActionError> {
        let order_id = order.order_id.clone();
        Ok(match next(known.as_ref().map(|known| known.status), Fact::Described) {
            Next::Publish(status) => match out_of_reach(&order.shipping_address.country) {
                Some(reason) => Decision::emit(ErrorDeliveryEstimated { order_id, reason }),
                None => estimate(order, status, context.metadata().occurred_at),
            },
            Next::Wrong(reason) => {
                let reason = reason.to_owned();
                Decision::emit(ErrorDeliveryEstimated { order_id, reason })
            }
            Next::Become(_, why) | Next::Nothing(why) => Decision::nothing(why),
        })
    }
}

fn estimate(
    order: &CustomerDescribed,
    status: Status,
    ordered_at: Timestamp,
) -> Decision<EstimateDeliveryOutput> {
    let implied = || Terms::implied_by(order.total, &order.shipping_address.country);
    let terms = order.terms.unwrap_or_else(implied);
    let takes = if terms.leaves_country { ABROAD } else { AT_HOME };
    let deliver_by = ordered_at.checked_add(takes).unwrap_or(Timestamp::MAX);
    let plan = Plan {
        customer_id: order.customer_id.clone(),
        lines: order.lines.clone(),
        shipping_address: order.shipping_address.clone(),
        deliver_by,
    };
    let order_id = order.order_id.clone();
    let plan = Some(plan);
    let delivery = Delivery { order_id, status, plan, reason: None, address_shown_at: None };
    Decision::emit(DeliveryEstimated {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        total: order.total,
        deliver_by,
        payment_method: order.payment_method.clone(),
        terms: order.terms,
    })
    .with(create(&delivery))
}

/// Returns why the carrier cannot deliver to `country`; none if it can.
fn out_of_reach(country: &str) -> Option<String> {
    if country.trim().is_empty() {
        return Some("the address names no country".to_owned());
    }
    UNSERVED.contains(&country).then(|| format!("the carrier does not deliver to {country}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::sample;
    use chorus_events::{ShippingAddress, samples};
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn to(address: ShippingAddress) -> Decision<EstimateDeliveryOutput> {
        let order = CustomerDescribed { shipping_address: address, ..CustomerDescribed::sample() };
        decide(&EstimateDelivery, order, &Stored::default()).unwrap()
    }

    #[test]
    fn a_parcel_takes_two_days_at_home_and_five_abroad() {
        let home = (samples::home_address(), samples::home_terms());
        let abroad = (samples::address(), samples::terms(samples::total()));
        let former = ShippingAddress { country: "Germany".to_owned(), ..samples::address() };
        let cases = [(home, 2), (abroad, 5), ((former, None), 2), ((samples::address(), None), 5)];
        for ((address, terms), days) in cases {
            let country = &address.country;
            let shipping_address = address.clone();
            let order = CustomerDescribed { shipping_address, terms, ..Event::sample() };
            let decision = decide(&EstimateDelivery, order, &Stored::default()).unwrap();
            let [EstimateDeliveryOutput::DeliveryEstimated(estimate)] = decision.events() else {
                panic!("{decision:?}")
            };
            let takes = estimate.deliver_by.duration_since(samples::moment());
            assert_eq!(takes, SignedDuration::from_hours(days * 24), "{country}");
            let mut planned = sample(Status::Estimated);
            if let Some(plan) = &mut planned.plan {
                (plan.shipping_address, plan.deliver_by) = (address.clone(), estimate.deliver_by);
            }
            assert_eq!(decision.changes(), [create(&planned)]);
        }
    }

    #[test]
    fn an_order_to_antarctica_or_to_nowhere_fails_and_leaves_nothing() {
        let antarctica = ShippingAddress { country: "AQ".into(), ..samples::address() };
        let nowhere = ShippingAddress { country: " ".into(), ..samples::address() };
        for (address, expected) in [
            (antarctica, "the carrier does not deliver to AQ"),
            (nowhere, "the address names no country"),
        ] {
            let decision = to(address);
            let [EstimateDeliveryOutput::ErrorDeliveryEstimated(error)] = decision.events() else {
                panic!("{decision:?}")
            };
            assert_eq!(error.reason, expected);
            assert!(decision.changes().is_empty());
        }
    }

    #[test]
    fn a_canceled_order_is_not_planned_for() {
        let stored = Stored::default().with(1, &sample(Status::Canceled));
        let decision = decide(&EstimateDelivery, CustomerDescribed::sample(), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
