//! Uses any text as a path, and also as a template for a target's input. The path and the template
//! are each applied to an event, or refused, without a panic.

#![no_main]

use event_pattern::{RuleContext, Transformer, part_of};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, template) = text.split_once('\n').unwrap_or(("$.detail", text));
    let event = json!({"detail-type": "t", "detail": {"a": [1, {"b": "\"q\""}], "c": {"d": null}}});
    let whole = part_of(&event, path).is_ok();
    let transformer = Transformer {
        paths: [("a".to_owned(), path.to_owned())].into(),
        template: template.to_owned(),
    };
    let sent = transformer.apply(&event, &RuleContext::default());
    assert!(sent.is_err() || whole || !template.contains("<a>"));
});
