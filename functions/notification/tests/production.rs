//! The binary for prod contains nothing of the simulated mailer.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

/// Texts that only the simulated mailer contains.
const SIMULATED: [&str; 3] =
    ["mail-bounces", "the mailer is down", "too many concurrent writes of one email"];

/// Returns those of `texts` that are in the binary.
fn found<'a>(binary: &str, texts: &[&'a str]) -> Vec<&'a str> {
    let bytes = std::fs::read(binary).unwrap();
    let has = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    texts.iter().filter(has).copied().collect()
}

#[test]
fn the_binary_of_prod_has_nothing_of_the_simulated_mailer() {
    let real = ["MAIL_FROM", "OPERATOR_EMAIL"];
    let (prod, other) =
        (env!("CARGO_BIN_EXE_notification"), env!("CARGO_BIN_EXE_notification-simulated"));
    assert_eq!(found(prod, &SIMULATED), Vec::<&str>::new());
    assert_eq!(
        found(other, &SIMULATED),
        SIMULATED,
        "`SIMULATED` must list texts of the simulated mailer"
    );
    assert_eq!(found(prod, &real), real);
}
