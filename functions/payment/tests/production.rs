//! The binary for prod contains nothing of the simulated provider.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

/// Texts that only the simulated provider contains.
const SIMULATED: [&str; 3] =
    ["provider-twice", "provider-slow", "the provider refuses to refund this charge"];

/// Returns those of `texts` that are in the binary.
fn found<'a>(binary: &str, texts: &[&'a str]) -> Vec<&'a str> {
    let bytes = std::fs::read(binary).unwrap();
    let has = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    texts.iter().filter(has).copied().collect()
}

#[test]
fn the_binary_of_prod_has_nothing_of_the_simulated_provider() {
    let real = ["https://api.stripe.com", "STRIPE_KEY_SECRET"];
    let (prod, other) = (env!("CARGO_BIN_EXE_payment"), env!("CARGO_BIN_EXE_payment-simulated"));
    assert_eq!(found(prod, &SIMULATED), Vec::<&str>::new());
    assert_eq!(found(other, &SIMULATED), SIMULATED, "or the texts have changed");
    assert_eq!(found(prod, &real), real);
}
