//! Which callers a running shop admits, tested over its socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::running::Running;
use crate::{chorus, well};

pub(crate) fn token(data: &Path, who: &[&str]) -> String {
    let place = ["token", "--data", data.to_str().unwrap()];
    let printed = well(&[&place[..], who].concat());
    assert_eq!(printed.lines().count(), 1, "the command must print only the token: {printed}");
    printed.trim().to_owned()
}

/// Sends a request with exactly these headers; returns the status.
pub(crate) fn status(url: &str, request: &str, headers: &[&str], body: &str) -> u16 {
    answer(url, request, headers, body).0
}

/// Sends a request; returns the status and the JSON of the response.
pub(crate) fn answer(url: &str, request: &str, headers: &[&str], body: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    write!(
        socket,
        "{request} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer}"));
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

const CHAI: &str = r#"{"name":"Chai","price":18,"stock":39}"#;

#[test]
fn a_shop_that_requires_tokens_answers_only_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let shop = Running::with(data, &["--require-tokens"]);
    let url = shop.url.as_str();
    let put = |path: &str, body: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
        let host = format!("Host: {}", url.trim_start_matches("http://"));
        let headers: Vec<&str> =
            [Some(host.as_str()), bearer.as_deref()].into_iter().flatten().collect();
        status(url, &format!("PUT {path}"), &headers, body)
    };
    let (staff, ana) = (token(data, &["--staff"]), token(data, &["--customer", "ana"]));
    assert_eq!(put("/items/chai", CHAI, None), 401);
    assert_eq!(put("/items/chai", CHAI, Some("nonsense")), 401);
    assert_eq!(put("/items/chai", CHAI, Some(&ana)), 403);
    assert_eq!(put("/items/chai", CHAI, Some(&staff)), 201);
    let customer = r#"{"name":"Ana","email":"ana@example.com"}"#;
    assert_eq!(put("/customers/ana", customer, Some(&ana)), 201);
    let place = ["order", "--url", url, "place", "--customer", "ana", "--line", "chai:2"];
    let refused = chorus(&place);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("401"), "{refused:?}");
    crate::running::until("the price", || {
        chorus(&[&place[..], &["--token", &ana]].concat()).status.success()
    });
    let bob = token(data, &["--customer", "bob"]);
    let list = ["order", "--url", url, "list", "--customer", "ana"];
    assert!(chorus(&[&list[..], &["--token", &ana]].concat()).status.success());
    let foreign = chorus(&[&list[..], &["--token", &bob]].concat());
    assert!(String::from_utf8_lossy(&foreign.stderr).contains("404"), "{foreign:?}");
}

#[test]
fn a_page_of_somebody_else_cannot_call_a_shop_on_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Running::with(directory.path(), &["--cors", "https://shop.example"]);
    let host = format!("Host: {}", shop.url.trim_start_matches("http://"));
    let put = |headers: &[&str]| status(&shop.url, "PUT /items/chai", headers, CHAI);
    assert_eq!(put(&[&host]), 201);
    assert_eq!(put(&["Host: rebound.example"]), 403);
    assert_eq!(put(&[&host, "Origin: https://evil.example"]), 403);
    assert_eq!(put(&[&host, "Sec-Fetch-Site: cross-site"]), 403);
    assert_eq!(
        put(&[&host, "Origin: https://shop.example"]),
        401,
        "a request from a page of an allowed origin must have a token"
    );
    let bearer = format!("Authorization: Bearer {}", token(directory.path(), &["--staff"]));
    assert_eq!(put(&[&host, "Origin: https://shop.example", &bearer]), 200);
}

#[test]
fn no_token_leads_to_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Running::on(directory.path());
    let url = shop.url.as_str();
    let operator = well(&["token", "--url", url, "--operator", "maria"]);
    let asked = chorus(&["token", "--url", url, "--staff", "--token", operator.trim()]);
    assert!(String::from_utf8_lossy(&asked.stderr).contains("403"), "{asked:?}");
}
