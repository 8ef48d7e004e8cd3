//! The secret that the carrier signs webhooks with, and its rotation, tested over a shop's socket.

use std::path::Path;

use chorus_webhook_signature::{WebhookSecret, headers};
use jiff::Timestamp;

use crate::running::Running;
use crate::tokens::status;
use crate::{chorus, well};

/// A report about a parcel that the shop does not know. The shop responds with 404 if the
/// signature is valid, and else with 401.
const BODY: &str = r#"{"order-id":"4711","handle":"a-handle","status":"Delivered"}"#;

fn secret(data: &Path) -> WebhookSecret {
    let printed = well(&["webhook", "secret", "--data", data.to_str().unwrap()]);
    assert_eq!(printed.lines().count(), 1, "the command must print only the secret: {printed}");
    printed.trim().parse().unwrap()
}

fn rotate(data: &Path, more: &[&str]) -> String {
    let place = ["webhook", "rotate", "--data", data.to_str().unwrap()];
    well(&[&place[..], more].concat())
}

fn call_back(shop: &Running, secret: &WebhookSecret) -> u16 {
    let signed = headers(secret, "one", Timestamp::now().as_second(), BODY.as_bytes());
    let host = format!("Host: {}", shop.url.trim_start_matches("http://"));
    let lines = signed.map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain([host.as_str()]).collect();
    status(&shop.url, "POST /webhooks/logistics", &lines, BODY)
}

#[test]
fn a_rotation_leaves_both_secrets_valid_unless_the_one_before_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let shop = Running::with(data, &["--require-tokens"]);
    let first = secret(data);
    let output_text = rotate(data, &[]);
    assert!(output_text.contains("is accepted until"), "{output_text}");
    let second = secret(data);
    assert_ne!(first, second);
    let stranger = "a-webhook-secret-for-this-laptop-only".parse().unwrap();
    for (secret, expected) in [(&first, 404), (&second, 404), (&stranger, 401)] {
        assert_eq!(call_back(&shop, secret), expected);
    }
    let output_text = rotate(data, &["--revoke"]);
    assert!(output_text.contains("within 5 minutes"), "{output_text}");
    shop.kill();
    let shop = Running::on(data);
    for (secret, expected) in [(&secret(data), 404), (&second, 401), (&first, 401)] {
        assert_eq!(call_back(&shop, secret), expected);
    }
}

#[test]
fn there_is_no_secret_where_there_is_no_shop() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let refused = chorus(&["webhook", "secret", "--data", data]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is no shop"), "{refused:?}");
    let neither = chorus(&["webhook", "rotate"]);
    assert!(String::from_utf8_lossy(&neither.stderr).contains("name the shop"), "{neither:?}");
}
