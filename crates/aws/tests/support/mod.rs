//! A fake of one of AWS's services: an HTTP server with fixed answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::{Credentials, SharedCredentialsProvider};
use aws_types::SdkConfig;
use chorus_aws::sdk_config_in;
use serde_json::Value;

/// The parts of a request that a test checks: the value of one header, and the body.
pub(crate) type Received = (String, Value);

/// Starts a service that answers as many requests as `answers` has entries, each with the next
/// status and body. Returns a configuration for clients that call the service and do not retry.
/// Joining the thread returns the value of the header `header` and the body of each request.
pub(crate) fn fake_service<const N: usize>(
    answers: [(&'static str, &'static str); N],
    header: &'static str,
) -> (SdkConfig, JoinHandle<Vec<Received>>) {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let credentials = Credentials::new("id", "key", None, None, "test");
    let config = sdk_config_in("eu-central-1")
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{}", api.local_addr().unwrap()))
        .build();
    let all = move || answers.map(|(status, body)| serve(&api, status, body, header)).to_vec();
    (config, std::thread::spawn(all))
}

/// Answers one request with this status and body, and returns the request's header `wanted` and the
/// request's body.
fn serve(api: &TcpListener, status: &str, body: &str, wanted: &str) -> Received {
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
