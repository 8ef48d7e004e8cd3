//! The simulated mailer and the mailers that speak SMTP and SES keep the promises of the port
//! `Mailer`. The mailers that speak SMTP and SES call fake servers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_sesv2::config::{Credentials, Region, SharedCredentialsProvider};
use chorus_events::CustomerId;
use chorus_kernel::{Found, MemoryStore, Store, load};
use chorus_notification::mailer_suite::{Harness, Mailbox, run};
use chorus_notification::{
    Mailer, PostedEmail, SIMULATED_MAILER_TABLE, SimulatedMailer, TransportMailer,
};
use chorus_partners::mail::{MailTransport, Ses, Smtp};
use serde_json::Value;

const OPERATOR: &str = "operator@example.com";

struct Simulated(Arc<MemoryStore>);

#[async_trait]
impl Harness for Simulated {
    fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::new(SimulatedMailer::new(Arc::clone(&self.0) as Arc<dyn Store>))
    }

    fn customer(&self, mailbox: Mailbox) -> Option<CustomerId> {
        let id = match mailbox {
            Mailbox::Open => "ana",
            Mailbox::Missing => "ana-mail-bounces",
            Mailbox::Silent => "ana-mail-down",
            Mailbox::Full => return None,
        };
        id.parse().ok()
    }

    async fn arrived(&self, recipient: &str) -> usize {
        let mut count = 0;
        for key in ["one-key", "another-key", "a-key", "an-alert"] {
            let posted: Found<PostedEmail> =
                load(&*self.0, format!("{key} of {recipient}")).await.unwrap();
            let is_there = |it: &PostedEmail| it.recipient == recipient && it.times_sent > 0;
            count += usize::from(posted.is_some_and(|it| is_there(&it.value)));
        }
        count
    }

    fn copies_are_recognized(&self) -> bool {
        true
    }
}

/// The emails that a fake server has accepted: recipient and Message-ID.
#[derive(Default)]
struct Taken(Mutex<Vec<(String, String)>>);

impl Taken {
    /// Accepts an email. Returns true if the server must not answer, as if its answer were lost.
    fn take(&self, to: &str, id: String) -> bool {
        let mut taken = self.0.lock().unwrap();
        let is_first = taken.iter().all(|(other, _)| other != to);
        taken.push((to.to_owned(), id));
        is_first && to.starts_with("silent@")
    }
}

/// A mailer that calls a fake server.
struct Served {
    transport: Arc<dyn MailTransport>,
    taken: Arc<Taken>,
    /// Whether emails carry a Message-ID: over SMTP they do, through SES they do not.
    has_ids: bool,
}

#[async_trait]
impl Harness for Served {
    fn mailer(&self) -> Arc<dyn Mailer> {
        let from = "orders@shop.example".parse().unwrap();
        let operator = OPERATOR.parse().ok();
        Arc::new(TransportMailer::new(Arc::clone(&self.transport), from, operator))
    }

    fn customer(&self, mailbox: Mailbox) -> Option<CustomerId> {
        let id = match mailbox {
            Mailbox::Open => "ana",
            Mailbox::Missing => "missing",
            Mailbox::Silent => "silent",
            // Without `has_ids`, the server is SES. SES accepts every email, and learns only later
            // that a mailbox is full, so its answer cannot report a full mailbox.
            Mailbox::Full if !self.has_ids => return None,
            Mailbox::Full => "full",
        };
        id.parse().ok()
    }

    async fn arrived(&self, recipient: &str) -> usize {
        let taken = self.taken.0.lock().unwrap();
        let address = format!("{recipient}@example.com");
        let ids: Vec<&String> =
            taken.iter().filter(|(to, _)| *to == address).map(|(_, id)| id).collect();
        if self.has_ids { ids.into_iter().collect::<BTreeSet<_>>().len() } else { ids.len() }
    }

    fn copies_are_recognized(&self) -> bool {
        self.has_ids
    }
}

/// Starts a server that handles each connection with `serve`; returns its address.
fn listen(taken: &Arc<Taken>, serve: fn(TcpStream, &Taken)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = Arc::clone(taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &taken);
        }
    });
    address
}

/// Handles one SMTP connection.
fn smtp(mut stream: TcpStream, taken: &Taken) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let (mut to, mut id) = (String::new(), String::new());
    let mut answer = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes());
    if answer("220 ready").is_err() {
        return;
    }
    while let Some(Ok(line)) = lines.next() {
        let answered = match line.get(..4).unwrap_or_default() {
            "RCPT" => {
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                match &*to {
                    "missing@example.com" => answer(&format!("550 5.1.1 <{to}>: no such mailbox")),
                    "full@example.com" => answer(&format!("452 4.2.2 <{to}>: mailbox full")),
                    _ => answer("250 ok"),
                }
            }
            "DATA" => answer("354 go on"),
            "EHLO" | "MAIL" => answer("250 ok"),
            "QUIT" => answer("221 bye"),
            _ if line == "." => {
                if taken.take(&to, std::mem::take(&mut id)) {
                    return;
                }
                answer("250 taken")
            }
            _ => {
                if let Some(told) = line.strip_prefix("Message-ID:") {
                    told.trim().clone_into(&mut id);
                }
                Ok(())
            }
        };
        if answered.is_err() {
            return;
        }
    }
}

/// Handles the requests of SES's API on one connection.
fn ses(mut stream: TcpStream, taken: &Taken) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let to = asked["Destination"]["ToAddresses"][0].as_str().unwrap();
    let (status, answer) = if to == "missing@example.com" {
        ("400 Bad", format!(r#"{{"__type": "MessageRejected", "message": "{to} is unknown"}}"#))
    } else if taken.take(to, String::new()) {
        return;
    } else {
        ("200 OK", r#"{"MessageId": "m"}"#.to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
}

#[tokio::test]
async fn the_simulated_mailer_holds_the_port() {
    let store = Arc::new(MemoryStore::new(&[SIMULATED_MAILER_TABLE]));
    assert_eq!(run(&Simulated(store)).await, [Mailbox::Full]);
}

#[tokio::test]
async fn smtp_holds_the_port() {
    let taken: Arc<Taken> = Arc::default();
    let address = listen(&taken, smtp);
    let transport = Arc::new(Smtp::at(&format!("smtp://{address}")).unwrap());
    assert_eq!(run(&Served { transport, taken, has_ids: true }).await, []);
}

#[tokio::test]
async fn ses_holds_the_port_but_for_copies_which_no_mailbox_can_recognize() {
    let taken: Arc<Taken> = Arc::default();
    let address = listen(&taken, ses);
    let credentials = Credentials::new("key", "secret", None, None, "a test");
    let config = chorus_aws::sdk_config()
        .into_builder()
        .endpoint_url(format!("http://{address}"))
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let transport = Arc::new(Ses::new(&config.build()));
    assert_eq!(run(&Served { transport, taken, has_ids: false }).await, [Mailbox::Full]);
}
