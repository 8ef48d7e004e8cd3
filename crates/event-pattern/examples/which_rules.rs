//! Tells which of two rules an event matches, and why the event does not match the other rule.

use event_pattern::{Matcher, Pattern};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules = [
        ("review", r#"{"detail": {"total": [{"numeric": [">=", 1000]}]}}"#),
        ("count", r#"{"detail-type": [{"prefix": "Order"}]}"#),
    ];
    let event = br#"{"detail-type": "OrderCreated", "detail": {"total": 237.51}}"#;
    let mut matcher = Matcher::new();
    for (id, text) in rules {
        matcher.add(id, &Pattern::parse(text)?);
    }
    println!("matched: {:?}", matcher.matches(event)?);
    for (id, text) in rules {
        println!("{id}: {}", Pattern::parse(text)?.explain(event)?);
    }
    Ok(())
}
