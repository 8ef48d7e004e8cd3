//! Items and keys, in DynamoDB's data model.

use serde_dynamo::AttributeValue;

/// An item: attribute names and DynamoDB values.
pub type Item = serde_dynamo::Item;

/// The key of an item. Every table has a partition key `pk` and a sort key `sk`, both strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The logical name of the table, such as `inventory`.
    pub table: &'static str,
    pub pk: String,
    pub sk: String,
}

impl Key {
    /// The key of `item`, an item of `table`; `None` if a key attribute is missing or not a string.
    #[must_use]
    pub fn of(table: &'static str, item: &Item) -> Option<Self> {
        let part = |name| text(item, name).map(str::to_owned);
        Some(Self { table, pk: part("pk")?, sk: part("sk")? })
    }

    /// An item that has only the two key attributes.
    #[must_use]
    pub fn to_item(&self) -> Item {
        let mut item = Item::default();
        item.insert("pk".to_owned(), AttributeValue::S(self.pk.clone()));
        item.insert("sk".to_owned(), AttributeValue::S(self.sk.clone()));
        item
    }

    /// Whether `item`, which must be from the key's table, has this key.
    #[must_use]
    pub fn is_of(&self, item: &Item) -> bool {
        text(item, "pk") == Some(&self.pk) && text(item, "sk") == Some(&self.sk)
    }
}

/// The string attribute `name`; `None` if the attribute is missing or not a string.
#[must_use]
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

/// The whole-number attribute `name`; `None` if the attribute is missing or not a whole number.
#[must_use]
pub fn number(item: &Item, name: &str) -> Option<i64> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().ok(),
        _ => None,
    }
}
