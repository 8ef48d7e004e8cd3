//! Reads Northwind's CSV files as items, customers and orders.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use chorus_events::Money;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Northwind {
    pub(crate) products: Vec<Product>,
    pub(crate) customers: Vec<Customer>,
    /// The orders, sorted by date.
    pub(crate) orders: Vec<PlacedOrder>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    #[serde(rename = "productID")]
    pub(crate) id: u32,
    #[serde(rename = "productName")]
    pub(crate) name: String,
    #[serde(rename = "unitPrice", deserialize_with = "money")]
    pub(crate) price: Money,
    #[serde(rename = "unitsInStock")]
    pub(crate) stock: u32,
    #[serde(deserialize_with = "flag")]
    pub(crate) discontinued: bool,
}

impl Product {
    pub(crate) fn sku(&self) -> String {
        sku(self.id)
    }
}

fn sku(product: u32) -> String {
    format!("NW-{product:02}")
}

#[derive(Debug, Deserialize)]
pub(crate) struct Customer {
    #[serde(rename = "customerID")]
    pub(crate) id: String,
    #[serde(rename = "companyName")]
    pub(crate) company: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PlacedOrder {
    #[serde(rename = "orderID")]
    pub(crate) id: u32,
    #[serde(rename = "customerID")]
    customer: String,
    #[serde(rename = "orderDate")]
    date: String,
    #[serde(rename = "shipName")]
    name: String,
    #[serde(rename = "shipAddress")]
    street: String,
    #[serde(rename = "shipCity")]
    city: String,
    #[serde(rename = "shipPostalCode")]
    postal_code: String,
    #[serde(rename = "shipCountry")]
    country: String,
    #[serde(skip)]
    pub(crate) lines: Vec<(u32, u32)>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(rename = "orderID")]
    order: u32,
    #[serde(rename = "productID")]
    product: u32,
    quantity: u32,
}

impl PlacedOrder {
    /// Returns the SKUs of the order's items.
    pub(crate) fn skus(&self) -> Vec<String> {
        self.lines.iter().map(|(product, _)| sku(*product)).collect()
    }

    /// Returns the body of the request that places the order. The shop sets the price; Northwind's
    /// old prices and discounts are ignored.
    pub(crate) fn body(&self) -> Value {
        let line = |(product, quantity): &(u32, u32)| json!({ "sku": sku(*product), "quantity": quantity });
        let mut address = json!({
            "name": self.name, "street": self.street, "city": self.city, "country": self.country,
        });
        if self.postal_code != "NULL" {
            address["postal-code"] = json!(self.postal_code);
        }
        json!({
            "customer-id": self.customer,
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            "shipping-address": address,
        })
    }
}

impl Northwind {
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut lines: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        for Detail { order, product, quantity } in rows(folder, "order_details.csv")? {
            lines.entry(order).or_default().push((product, quantity));
        }
        let mut orders: Vec<PlacedOrder> = rows(folder, "orders.csv")?;
        orders.sort_by(|a, b| (&a.date, a.id).cmp(&(&b.date, b.id)));
        for order in &mut orders {
            order.lines = lines.remove(&order.id).unwrap_or_default();
        }
        let (products, customers) = (rows(folder, "products.csv")?, rows(folder, "customers.csv")?);
        Ok(Self { products, customers, orders })
    }

    /// Returns how many lines all orders have together.
    pub(crate) fn lines(&self) -> usize {
        self.orders.iter().map(|order| order.lines.len()).sum()
    }
}

fn rows<T: DeserializeOwned>(folder: &Path, file: &str) -> anyhow::Result<Vec<T>> {
    let path = folder.join(file);
    let unreadable = || format!("{} cannot be read as Northwind's {file}", path.display());
    let mut reader = csv::Reader::from_path(&path).with_context(unreadable)?;
    reader.deserialize().collect::<Result<_, _>>().with_context(unreadable)
}

fn money<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    u8::deserialize(deserializer).map(|flag| flag != 0)
}
