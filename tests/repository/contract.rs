//! Samples match their schemas; an older consumer accepts a newer compatible event.

use chorus_events::order::OrderCreated;
use chorus_events::table::TABLE;
use chorus_events::table::rows::ReserveItemInput;
use chorus_table::{Detail, Event, Inputs, Metadata, WireEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[test]
fn every_sample_fits_its_schema_and_no_other_shape_does() {
    for message in TABLE.messages() {
        let name = message.spec.detail_type;
        let schema = serde_json::to_value((message.schema)()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for sample in message.samples().unwrap() {
            let data = &sample["detail"]["data"];
            let errors: Vec<String> =
                validator.iter_errors(data).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
        assert!(!validator.is_valid(&json!({})), "{name} accepts anything");
    }
}

#[test]
fn every_sample_is_an_event_as_the_bus_delivers_it() {
    for message in TABLE.messages() {
        for sample in message.samples().unwrap() {
            let event: WireEvent = serde_json::from_value(sample).unwrap();
            let detail: Detail<Value> = serde_json::from_str(event.detail.get()).unwrap();
            let Metadata { version, category, .. } = detail.metadata;
            assert_eq!((version, category), (message.spec.version, message.spec.category()));
        }
    }
}

#[test]
fn an_older_consumer_accepts_a_newer_compatible_event() {
    let mut newer = serde_json::to_value(OrderCreated::sample()).unwrap();
    newer["gift-wrapping"] = json!({ "paper": "blue" });
    newer["lines"][0]["engraving"] = json!("for Ana");
    let data = RawValue::from_string(newer.to_string()).unwrap();
    let ReserveItemInput::OrderCreated(order) =
        ReserveItemInput::read("OrderCreated", 1, &data).unwrap();
    assert_eq!(order, OrderCreated::sample());
}

#[test]
fn a_version_that_nobody_can_read_is_refused_by_name() {
    let data = serde_json::value::to_raw_value(&OrderCreated::sample()).unwrap();
    let error = ReserveItemInput::read("OrderCreated", 7, &data).unwrap_err();
    assert!(error.to_string().contains("OrderCreated version 7"), "{error}");
}

#[test]
fn an_earlier_version_read_as_the_current_one_can_be_published_again() {
    let mut versions = 0;
    for message in TABLE.messages() {
        let name = message.spec.detail_type;
        let inputs = (TABLE.readers)().into_iter();
        let reader = inputs.filter(|it| it.events.contains(&message.spec));
        for earlier in (message.earlier)() {
            let sample = (earlier.sample)().unwrap();
            let data = serde_json::value::to_raw_value(&sample).unwrap();
            for reader in reader.clone() {
                let again = (reader.in_earliest)(name, earlier.version, &data).unwrap();
                let again: Value = serde_json::from_str(again.get()).unwrap();
                assert_eq!(again, sample, "{name} version {}", earlier.version);
                versions += 1;
            }
        }
    }
    assert!(versions > 0, "no event has an earlier version");
}
