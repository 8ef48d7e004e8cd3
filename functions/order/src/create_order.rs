//! Accepts an order at the prices that the Order service has learned from `ItemListed`.

use chorus_events::commands::OrderedLine;
use chorus_events::order::OrderCreated;
use chorus_events::table::rows::{self, CreateOrderInput, CreateOrderOutput};
use chorus_events::{
    Country, CountryError, Line, MAX_LINES, PaymentMethod, Settings, ShippingAddress, total,
};
use chorus_kernel::{
    Action, ActionError, Begun, Context, Decision, Each, EachKeys, Versioned, append, state,
};

use crate::{Order, Price};

/// Accepts orders. The shop's settings determine the terms of each order.
pub(crate) struct CreateOrder(pub(crate) Settings);

state! {
    /// The order, if it exists already, and the prices of the items in its lines.
    pub(crate) struct OrderAndPrices read by OrderAndPricesKeys {
        order: Begun<Order>,
        prices: Each<Price, OrderedLine>,
    }
}

impl Action for CreateOrder {
    type Row = rows::CreateOrder;
    type State = OrderAndPrices;

    fn keys(
        &self,
        CreateOrderInput::CreateOrder(command): &CreateOrderInput,
    ) -> OrderAndPricesKeys {
        // `decide` refuses an order with more than `MAX_LINES` lines, so the prices in further
        // lines are not needed.
        let lines = command.lines.iter().take(MAX_LINES);
        let prices = EachKeys::of(lines, |line| line.sku.clone());
        OrderAndPricesKeys { order: command.order_id.clone(), prices }
    }

    fn owner(
        &self,
        CreateOrderInput::CreateOrder(command): &CreateOrderInput,
        _: &Self::State,
    ) -> Option<String> {
        Some(command.customer_id.to_string())
    }

    fn decide(
        &self,
        CreateOrderInput::CreateOrder(command): &CreateOrderInput,
        OrderAndPrices { order: known, prices }: &Self::State,
        context: &Context<'_>,
    ) -> Result<Decision<CreateOrderOutput>, ActionError> {
        if known.has_begun {
            return Err(ActionError::Conflict(format!(
                "order {} was placed with this Idempotency-Key before",
                command.order_id
            )));
        }
        let country = &command.shipping_address.country;
        let country: Country = country.parse().map_err(|rule: CountryError| {
            ActionError::invalid("/shipping-address/country", rule.to_string())
        })?;
        check_number_of(&command.lines)?;
        check_payment_method(command.payment_method.as_ref())?;
        let lines = priced(prices)?;
        let too_much =
            || ActionError::invalid("/lines", "must have a total of at most 9999999999999.99");
        let total = total(&lines).ok_or_else(too_much)?;
        let code = country.to_string();
        let order = OrderCreated {
            order_id: command.order_id.clone(),
            customer_id: command.customer_id.clone(),
            status: "Open".to_owned(),
            total,
            lines,
            country: code.clone(),
            shipping_address: ShippingAddress { country: code, ..command.shipping_address.clone() },
            placed_at: context.metadata().occurred_at,
            payment_method: command.payment_method.clone(),
            terms: Some(self.0.terms(total, country)),
        };
        let first = append::<Order, _>(1, order.placed_at, &order)?;
        Ok(Decision::emit(order).with(first))
    }
}

fn check_number_of(lines: &[OrderedLine]) -> Result<(), ActionError> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(ActionError::invalid("/lines", format!("must have 1 to {MAX_LINES} lines")));
    }
    Ok(())
}

fn check_payment_method(method: Option<&PaymentMethod>) -> Result<(), ActionError> {
    if method.is_some_and(PaymentMethod::is_card_number) {
        let rule = "must be the payment provider's token, never a card's number";
        return Err(ActionError::invalid("/payment-method", rule));
    }
    Ok(())
}

fn priced(prices: &Each<Price, OrderedLine>) -> Result<Vec<Line>, ActionError> {
    let price = |(place, (line, price)): (usize, (&OrderedLine, Option<&Versioned<Price>>))| {
        let unknown = || {
            let rule = format!("must be the SKU of a listed item; {} is not listed", line.sku);
            ActionError::invalid(format!("/lines/{place}/sku"), rule)
        };
        let price = price.ok_or_else(unknown)?;
        Ok(Line { sku: line.sku.clone(), quantity: line.quantity, unit_price: price.price })
    };
    prices.iter().enumerate().map(price).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::commands::CreateOrder as Command;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    const DEFAULT: CreateOrder = CreateOrder(Settings::DEFAULT);

    fn listed() -> Stored {
        let price = Price { sku: samples::sku(), price: samples::unit_price() };
        Stored::default().with(1, &price)
    }

    fn refused(command: Command, field: &str) {
        let refusal = decide(&DEFAULT, command, &listed()).unwrap_err();
        assert!(
            matches!(&refusal, ActionError::Invalid { field: f, .. } if f == field),
            "{refusal:?}"
        );
    }

    #[test]
    fn an_order_is_accepted_at_the_listed_prices() {
        let decision = decide(&DEFAULT, Command::sample(), &listed()).unwrap();
        let [CreateOrderOutput::OrderCreated(order)] = decision.events() else { panic!() };
        assert_eq!(order.total, samples::total());
        assert_eq!(order.country, "MX");
        assert_eq!(order.terms, samples::terms(order.total));
        let first = append::<Order, _>(1, samples::moment(), order).unwrap();
        assert_eq!(decision.changes(), [first]);
    }

    #[test]
    fn an_order_is_placed_once_whatever_its_message_is_called() {
        let placed = listed().with_event::<Order, _>(1, &OrderCreated::sample());
        let refusal = decide(&DEFAULT, Command::sample(), &placed).unwrap_err();
        assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal:?}");
    }

    #[test]
    fn an_order_without_lines_or_with_too_many_is_refused() {
        refused(Command { lines: Vec::new(), ..Command::sample() }, "/lines");
        let line = samples::ordered_lines().remove(0);
        refused(Command { lines: vec![line; 10_000], ..Command::sample() }, "/lines");
    }

    #[test]
    fn an_unlisted_item_is_refused_by_its_place() {
        let mut command = Command::sample();
        let (sku, quantity) = ("unheard-of".parse().unwrap(), samples::quantity());
        command.lines.push(OrderedLine { sku, quantity });
        refused(command, "/lines/1/sku");
    }

    #[test]
    fn a_country_is_told_by_its_code_or_its_name_and_published_by_its_code() {
        let to = |country: &str| {
            let address = ShippingAddress { country: country.to_owned(), ..samples::address() };
            Command { shipping_address: address, ..Command::sample() }
        };
        for country in ["DE", "Germany"] {
            let decision = decide(&DEFAULT, to(country), &listed()).unwrap();
            let [CreateOrderOutput::OrderCreated(order)] = decision.events() else { panic!() };
            assert_eq!((&*order.country, &*order.shipping_address.country), ("DE", "DE"));
            assert_eq!(order.terms, samples::home_terms());
        }
        for unknown in ["", "Atlantis", "ZZ", "276"] {
            refused(to(unknown), "/shipping-address/country");
        }
    }

    #[test]
    fn the_terms_of_an_order_are_those_of_the_shop_that_creates_it() {
        let (home_country, review_above) = ("MX".parse().unwrap(), samples::total());
        let elsewhere = CreateOrder(Settings { home_country, review_above, ..Settings::DEFAULT });
        let decision = decide(&elsewhere, Command::sample(), &listed()).unwrap();
        let [CreateOrderOutput::OrderCreated(order)] = decision.events() else { panic!() };
        let terms = order.terms.unwrap();
        assert!(terms.needs_review && !terms.leaves_country, "{terms:?}");
        assert_eq!((terms.home_country, terms.review_above), (home_country, review_above));
    }
}
