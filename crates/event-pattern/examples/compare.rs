//! Compares two patterns, and prints events that prove the result.

use event_pattern::{Events, Pattern};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let first = Pattern::parse(r#"{"source": ["orders"], "total": [{"numeric": [">", 1000]}]}"#)?;
    let second = Pattern::parse(r#"{"source": [{"wildcard": "ord*"}], "total": [1500, 900]}"#)?;
    let compared = first.compare(&second, Events::Delivered);
    println!("relation of the first pattern to the second: {:?}", compared.relation);
    println!("an event that both patterns match: {}", compared.both.as_deref().unwrap_or("none"));
    println!(
        "an event that only the first pattern matches: {}",
        compared.only_first.as_deref().unwrap_or("none")
    );
    println!(
        "an event that only the second pattern matches: {}",
        compared.only_second.as_deref().unwrap_or("none")
    );
    Ok(())
}
