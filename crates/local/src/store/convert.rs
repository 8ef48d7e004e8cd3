//! Converts attribute values and keys between the kernel's types and `dynoxide`'s.

use std::collections::HashMap;

use chorus_kernel::{Item, Key};
use dynoxide::AttributeValue as Engine;
use serde_dynamo::AttributeValue as Ours;

pub(super) fn key(key: &Key) -> HashMap<String, Engine> {
    HashMap::from([
        ("pk".to_owned(), Engine::S(key.pk.clone())),
        ("sk".to_owned(), Engine::S(key.sk.clone())),
    ])
}

pub(super) fn to_engine(item: &Item) -> HashMap<String, Engine> {
    item.iter().map(|(name, value)| (name.clone(), value_to_engine(value))).collect()
}

pub(super) fn from_engine(item: HashMap<String, Engine>) -> Item {
    let fields: HashMap<String, Ours> =
        item.into_iter().map(|(name, value)| (name, value_from_engine(value))).collect();
    Item::from(fields)
}

fn value_to_engine(value: &Ours) -> Engine {
    match value {
        Ours::S(text) => Engine::S(text.clone()),
        Ours::N(digits) => Engine::N(digits.clone()),
        Ours::B(bytes) => Engine::B(bytes.clone()),
        Ours::Bool(yes) => Engine::BOOL(*yes),
        Ours::Null(yes) => Engine::NULL(*yes),
        Ours::Ss(texts) => Engine::SS(texts.clone()),
        Ours::Ns(numbers) => Engine::NS(numbers.clone()),
        Ours::Bs(blobs) => Engine::BS(blobs.clone()),
        Ours::L(values) => Engine::L(values.iter().map(value_to_engine).collect()),
        Ours::M(fields) => Engine::M(
            fields.iter().map(|(name, value)| (name.clone(), value_to_engine(value))).collect(),
        ),
    }
}

fn value_from_engine(value: Engine) -> Ours {
    match value {
        Engine::S(text) => Ours::S(text),
        Engine::N(digits) => Ours::N(digits),
        Engine::B(bytes) => Ours::B(bytes),
        Engine::BOOL(yes) => Ours::Bool(yes),
        Engine::NULL(yes) => Ours::Null(yes),
        Engine::SS(texts) => Ours::Ss(texts),
        Engine::NS(numbers) => Ours::Ns(numbers),
        Engine::BS(blobs) => Ours::Bs(blobs),
        Engine::L(values) => Ours::L(values.into_iter().map(value_from_engine).collect()),
        Engine::M(fields) => Ours::M(
            fields.into_iter().map(|(name, value)| (name, value_from_engine(value))).collect(),
        ),
    }
}
