//! Runs a function's binary on a fake of Lambda's runtime API, and checks its answers, the names of
//! its failures, and its log.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A fake of Lambda's runtime API, for one invocation of a binary.
struct Lambda {
    api: TcpListener,
    binary: Child,
}

/// The response that a binary sent to Lambda, and the lines that it logged.
struct Response {
    path: String,
    body: Value,
    log: Vec<Value>,
}

impl Lambda {
    fn start() -> Self {
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let binary = Command::new(env!("CARGO_BIN_EXE_sweeper"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.local_addr().unwrap().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "sweeper")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_REGION", "eu-central-1")
            .env("BUS_NAME", "shop")
            .env("ROW_OUTPUTS", "com.inventory ReserveItem=ItemReserved")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { api, binary }
    }

    /// Invokes the binary once, with a deadline in a minute.
    fn invoke(mut self, payload: &str) -> Response {
        let deadline = jiff::Timestamp::now().as_millisecond() + 60_000;
        let (path, _, stream) = self.request();
        assert_eq!(path, "/2018-06-01/runtime/invocation/next");
        let headers = format!(
            "Lambda-Runtime-Aws-Request-Id: a-request\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: an-arn\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n"
        );
        answer(stream, "200 OK", &headers, payload);
        let (path, body, stream) = self.request();
        answer(stream, "202 Accepted", "", "{}");
        self.binary.kill().unwrap();
        let mut log = String::new();
        self.binary.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        self.binary.wait().unwrap();
        let log = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Response { path, body: serde_json::from_str(&body).unwrap(), log }
    }

    /// The next request of the binary: its path, its body, and the connection to answer on.
    fn request(&self) -> (String, String, TcpStream) {
        let (stream, _) = self.api.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let head: Vec<String> = reader
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        let length = head.iter().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length:")
                .map(|length| length.trim().parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let path = head[0].split(' ').nth(1).unwrap().to_owned();
        (path, String::from_utf8(body).unwrap(), stream)
    }
}

fn answer(mut stream: TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

#[test]
fn a_failure_has_a_stable_name_and_leaves_one_line_without_the_payload() {
    let event = include_str!("../../../events/samples/OrderCreated.json");
    let task = format!(r#"{{"action":"Charge","event":{event},"card":"4111"}}"#);
    let response = Lambda::start().invoke(&task);
    assert_eq!(response.path, "/2018-06-01/runtime/invocation/a-request/error");
    assert_eq!(response.body["errorType"], "UnknownAction");
    assert!(response.body["errorMessage"].as_str().unwrap().contains("Charge"));
    let done = response.log.iter().find(|line| line["message"] == "invocation done").unwrap();
    assert_eq!(done["failed"], "UnknownAction");
    assert_eq!(done["span"]["request_id"], "a-request");
    assert_eq!(done["span"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "the event's own");
    let log = json!(response.log).to_string();
    assert!(!log.contains("4111"), "no payload in {log}");
}

#[test]
fn what_is_no_payload_of_ours_is_named_as_well() {
    let response = Lambda::start().invoke("[1,2]");
    assert_eq!(response.body["errorType"], "Terminal.UnknownPayload");
}

#[test]
fn a_batch_of_nothing_is_answered() {
    let response = Lambda::start().invoke(r#"{"Records":[]}"#);
    assert_eq!(response.path, "/2018-06-01/runtime/invocation/a-request/response");
    assert_eq!(response.body, json!({ "batchItemFailures": [] }));
}
