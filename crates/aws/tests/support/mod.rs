//! A server that stands for one of AWS's services.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::Value;

/// Answers one request with this status and body, and returns one of the request's headers and its
/// body.
pub(crate) fn serve(
    api: &TcpListener,
    (status, body): (&str, &str),
    wanted: &str,
) -> (String, Value) {
    let (mut stream, _) = api.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let head: Vec<String> =
        reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let named = |line: &String| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        head.iter().find_map(named).unwrap()
    };
    let mut asked = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut asked).unwrap();
    let length = body.len();
    let head = "Content-Type: application/x-amz-json-1.0\r\nConnection: close";
    write!(stream, "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    (header(wanted), serde_json::from_slice(&asked).unwrap())
}
