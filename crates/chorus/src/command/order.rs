//! `chorus order`: places, shows, lists and cancels orders.

use std::process::ExitCode;

use anstyle::Style;
use chorus_events::{Country, CustomerId, Money, OrderId, PaymentMethod, Quantity, Sku};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::client::{ApiRequest, Client};
use crate::command::replay::moment;
use crate::location::ShopLocation;
use crate::screen::{BAD, BOLD, DIM, GOOD, line, plain};

/// Place, show, list or cancel orders
#[derive(Debug, Args)]
pub(crate) struct Order {
    #[command(flatten)]
    shop: ShopLocation,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Place an order
    Place {
        /// The customer's id
        #[arg(long)]
        customer: CustomerId,
        /// An item and its quantity: SKU:QUANTITY; may be given several times
        #[arg(long = "line", value_name = "SKU:QUANTITY", required = true, value_parser = ordered)]
        lines: Vec<(Sku, Quantity)>,
        /// The country of the address: its code by ISO 3166, or its English name
        #[arg(long, default_value_t = Country::DE)]
        country: Country,
        /// The payment method: the payment provider's token, such as pm_card_visa
        #[arg(long, value_name = "TOKEN")]
        payment_method: Option<PaymentMethod>,
        /// The request's idempotency key: a request with the same key places no second order
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Show an order
    Show {
        /// The order's id
        order: OrderId,
    },
    /// List the orders of one customer, or of all customers, newest first
    List {
        /// Only orders of this customer
        #[arg(long)]
        customer: Option<CustomerId>,
        /// Only orders with this status: Open, Canceled or Delivered
        #[arg(long)]
        status: Option<String>,
        /// Only orders placed at this time or later: a day such as 2026-11-28, a time, or how long
        /// ago, such as 20d [default: a year ago]
        #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
        from: Option<String>,
        /// Only orders placed at this time or earlier; a day means the end of that day
        #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
        to: Option<String>,
        /// List all orders that match, not only the newest hundred
        #[arg(long)]
        all: bool,
    },
    /// Cancel an order that has not ended
    Cancel {
        /// The order's id
        order: OrderId,
        /// The reason, which `order show` prints
        #[arg(long, default_value = "the customer canceled it")]
        reason: String,
    },
}

fn ordered(text: &str) -> Result<(Sku, Quantity), String> {
    let (sku, quantity) = text.split_once(':').ok_or("must be SKU:QUANTITY, such as chai:2")?;
    let pieces: i64 = quantity.parse().map_err(|_| "the quantity must be a whole number")?;
    let sku = sku.parse().map_err(|rule| format!("the SKU {rule}"))?;
    let quantity = Quantity::try_from(pieces).map_err(|rule| format!("the quantity {rule}"))?;
    Ok((sku, quantity))
}

/// Converts the text for the API, which reads days and times: a day is not changed, and a duration
/// such as `20d` becomes the time 20 days ago.
fn parse_moment(text: &str) -> Result<String, String> {
    let at = moment(text)?;
    if text.parse::<Date>().is_ok() { Ok(text.to_owned()) } else { Ok(at.to_string()) }
}

pub(crate) async fn run(order: &Order) -> anyhow::Result<ExitCode> {
    let client = order.shop.client()?;
    let answer = answer(&client, &order.verb).await?;
    if order.json {
        line!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&answer);
        if matches!(order.verb, Verb::Show { .. }) {
            print_progress(&answer);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn answer(client: &Client, verb: &Verb) -> anyhow::Result<Value> {
    match verb {
        Verb::Place { customer, lines, country, payment_method, idempotency_key } => {
            let lines: Vec<Value> = lines
                .iter()
                .map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity }))
                .collect();
            let mut body = json!({
                "customer-id": customer,
                "lines": lines,
                "shipping-address": {
                    "name": customer, "street": "Hauptstr. 1", "city": "Berlin", "country": country,
                },
            });
            if let Some(method) = payment_method {
                body["payment-method"] = json!(method);
            }
            let fresh = format!("cli-{}", Timestamp::now().as_nanosecond());
            let key = idempotency_key.as_deref().unwrap_or(&fresh);
            client.ask(ApiRequest::post("/orders", body).with_key(key)).await
        }
        Verb::Show { order } => client.ask(ApiRequest::get(&format!("/orders/{order}"))).await,
        Verb::List { customer, status, from, to, all } => {
            let customer = customer.as_ref().map(ToString::to_string);
            let asked =
                [("customer-id", &customer), ("status", status), ("from", from), ("to", to)];
            list(client, asked, *all).await
        }
        Verb::Cancel { order, reason } => {
            let path = format!("/orders/{order}/cancel");
            client.ask(ApiRequest::post(&path, json!({ "reason": reason }))).await
        }
    }
}

/// Lists the newest orders that match the filter: one page, or all pages.
async fn list(
    client: &Client,
    asked: [(&str, &Option<String>); 4],
    all: bool,
) -> anyhow::Result<Value> {
    let mut path = "/orders?limit=100".to_owned();
    for (name, value) in asked {
        if let Some(value) = value {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            path.push_str(&format!("&{name}={value}"));
        }
    }
    let mut answer: Value = client.ask(ApiRequest::get(&path)).await?;
    while let Some(next) = answer["next"].as_str().filter(|_| all) {
        let page: Value = client.ask(ApiRequest::get(&format!("{path}&cursor={next}"))).await?;
        let mut orders = answer["orders"].as_array().cloned().unwrap_or_default();
        orders.extend(page["orders"].as_array().cloned().unwrap_or_default());
        answer = json!({ "orders": orders, "next": page["next"] });
    }
    Ok(answer)
}

/// Prints the progress of an order's payment and delivery.
fn print_progress(order: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let day = |what: &str, value: &Value| {
        let at: Option<Timestamp> = value.as_str().and_then(|at| at.parse().ok());
        at.map(|at| format!(", {what} {at:.0}")).unwrap_or_default()
    };
    let (payment, delivery) = (&order["payment"], &order["delivery"]);
    let paid = day("paid at", &payment["paid-at"]);
    let refunded = day("refunded at", &payment["refunded-at"]);
    line!("  payment   {}{paid}{refunded}", text(&payment["status"]));
    let due = day("due by", &delivery["deliver-by"]);
    let begun = day("picked up at", &delivery["started-at"]);
    let tracking = &delivery["tracking"];
    let number = tracking["number"].as_str().map(|number| format!(", tracking {number}"));
    let page = tracking["url"].as_str().map(|url| format!(" {url}"));
    line!(
        "  delivery  {}{due}{begun}{}{}",
        text(&delivery["status"]),
        number.unwrap_or_default(),
        page.unwrap_or_default()
    );
}

fn print(answer: &Value) {
    let one = std::slice::from_ref(answer);
    for order in answer["orders"].as_array().map_or(one, Vec::as_slice) {
        let text = |field: &str| order[field].as_str().unwrap_or_default().to_owned();
        let total: Option<Money> = serde_json::from_value(order["total"].clone()).ok();
        let (id, status, total) = (text("order-id"), text("status"), total.unwrap_or_default());
        let reason = order["reason"].as_str().map(|reason| format!("  ({})", plain(reason)));
        let reason = reason.unwrap_or_default();
        let colour = match status.as_str() {
            "Delivered" => GOOD,
            "Canceled" => BAD,
            _ => Style::new(),
        };
        line!("{BOLD}{id}{BOLD:#}  {colour}{status:<9}{colour:#}  {total:>10}{reason}");
    }
    if answer["next"].is_string() {
        line!("{DIM}There are more: `--all` lists them.{DIM:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_stays_a_day_and_how_long_ago_becomes_a_time() {
        assert_eq!(parse_moment("2026-11-28").as_deref(), Ok("2026-11-28"));
        assert_eq!(parse_moment("2026-11-28T10:00:00Z").as_deref(), Ok("2026-11-28T10:00:00Z"));
        let ago: Timestamp = parse_moment("20d").unwrap().parse().unwrap();
        let days = Timestamp::now().duration_since(ago).as_hours() / 24;
        assert_eq!(days, 20);
        assert!(parse_moment("soon").is_err());
    }
}
