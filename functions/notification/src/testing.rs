//! What the tests of this service stand on.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use chorus_kernel::testing::message;
use chorus_kernel::{
    Given, Item, Key, Loaded, Outreach, Page, Query, Reason, Step, Store, StoreError, Unanswered,
    Write,
};
use chorus_table::Row;

use crate::{Delivery, Letter, Mailer};

/// A mailer whose letters always arrive.
pub(crate) struct Mailbox;

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, _: &Letter, _: &str) -> Result<Delivery, Unanswered> {
        Ok(Delivery::Sent)
    }
}

/// What `action` decides on `input`, given what is loaded and what was answered.
#[track_caller]
pub(crate) fn decide<A: Outreach>(
    action: &A,
    input: impl Into<<A::Row as Row>::Input>,
    (loaded, answer): (&Loaded, Option<&A::Answer>),
) -> Step<A::Question, <A::Row as Row>::Output> {
    let (input, message) = (input.into(), message());
    action.decide(&Given { input: &input, message: &message }, loaded, answer).unwrap()
}

/// A store of single items in memory. It knows the two conditions that entities are saved with.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<Key, Item>>);

#[async_trait]
impl Store for Shelf {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn query(&self, _: &Query) -> Result<Page, StoreError> {
        Err(StoreError::Invalid("a shelf has no order".to_owned()))
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let [Write::Put { key, item, condition: Some(condition) }] = writes else {
            return Err(StoreError::Invalid(format!("{writes:?}")));
        };
        let mut items = self.0.lock().unwrap();
        let there = items.get(key);
        let holds = match condition.text.as_str() {
            "attribute_not_exists(pk)" => there.is_none(),
            "version = :read" => {
                there.is_some_and(|there| there.get("version") == condition.values.get(":read"))
            }
            unknown => return Err(StoreError::Invalid(unknown.to_owned())),
        };
        if !holds {
            let old = there.cloned().map(Box::new);
            return Err(StoreError::Refused(vec![Reason::Condition(old)]));
        }
        items.insert(key.clone(), item.clone());
        Ok(())
    }
}
