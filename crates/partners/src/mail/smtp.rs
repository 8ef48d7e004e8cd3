//! Email by SMTP.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use thiserror::Error;
use url::Url;

use super::{MailTransport, Message, SendError};

/// How long the server may take for one reply.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Replies that reject the login and not the message (RFC 4954). The operator corrects the login,
/// after which a retry succeeds.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// A URL is not one of a mail server.
#[derive(Debug, Error)]
pub enum SmtpUrlError {
    #[error("this is not a URL")]
    Url(#[from] url::ParseError),
    #[error(
        "mail to another machine has to be encrypted: write smtps://{0}, or smtp://{0}?tls=required"
    )]
    Unencrypted(String),
    #[error("this is not an SMTP server's URL")]
    Smtp(#[from] Error),
}

/// A client of an SMTP server, which opens a new connection for each message.
#[derive(Debug)]
pub struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// A client of the server at `smtps://USER:PASSWORD@HOST`, `smtp://HOST?tls=required`
    /// (STARTTLS), or, unencrypted and on this machine only, `smtp://localhost:1025`.
    ///
    /// # Errors
    /// If `url` is not such a URL, or messages would leave this machine unencrypted.
    pub fn at(url: &str) -> Result<Self, SmtpUrlError> {
        let parsed = Url::parse(url)?;
        let encrypted = parsed.scheme() == "smtps"
            || parsed.query_pairs().any(|(name, value)| name == "tls" && value == "required");
        if !encrypted && !crate::is_this_machine(&parsed) {
            return Err(SmtpUrlError::Unencrypted(
                parsed.host_str().unwrap_or_default().to_owned(),
            ));
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
        Ok(Self(transport.timeout(Some(TIMEOUT)).build()))
    }
}

#[async_trait]
impl MailTransport for Smtp {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let email = email(message).map_err(|error| SendError::Refused(error.to_string()))?;
        self.0.send(email).await.map(drop).map_err(|error| refusal(&error))
    }
}

fn email(message: &Message) -> Result<lettre::Message, lettre::error::Error> {
    let body = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
    lettre::Message::builder()
        .message_id(Some(format!("<{}@{}>", message.id, message.from.domain())))
        .from(Mailbox::new(None, message.from.clone()))
        .to(Mailbox::new(None, message.to.clone()))
        .subject(message.subject_line())
        .multipart(body)
}

fn refusal(error: &Error) -> SendError {
    let reply = error.status().map(u16::from);
    let cause = error.source().map(ToString::to_string);
    let told = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if error.is_permanent() && reply.is_none_or(|code| !LOGIN_REFUSED.contains(&code)) {
        SendError::Refused(told)
    } else {
        SendError::Unconfirmed(told)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;
    use crate::mail::testing::message;

    /// Starts a server that accepts one connection, answers RCPT with `reply`, and returns what it
    /// received.
    fn server(reply: &'static str) -> (Smtp, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let told = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            stream.write_all(b"220 ready\r\n").unwrap();
            let mut told = String::new();
            while let Some(Ok(line)) = lines.next() {
                let answer = match line.get(..4).unwrap_or_default() {
                    "RCPT" => reply,
                    "DATA" => "354 go on",
                    "EHLO" | "MAIL" => "250 ok",
                    "QUIT" => "221 bye",
                    _ if line == "." => "250 taken",
                    _ => {
                        told.push_str(&line);
                        told.push('\n');
                        continue;
                    }
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
            }
            told
        });
        (Smtp::at(&url).unwrap(), told)
    }

    async fn answered(reply: &'static str) -> Result<(), SendError> {
        server(reply).0.send(&message()).await
    }

    #[tokio::test]
    async fn a_message_arrives_as_text_and_html_under_its_id() {
        let (smtp, told) = server("250 ok");
        smtp.send(&message()).await.unwrap();
        drop(smtp);
        let told = told.join().unwrap();
        for part in [
            "Message-ID: <7d3c@shop.example>",
            "From: orders@shop.example",
            "To: ana@example.com",
            "Content-Type: multipart/alternative",
            "thank you",
            "<p>thank you</p>",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[tokio::test]
    async fn an_unknown_mailbox_is_refused_for_good() {
        let refused = answered("550 no such mailbox").await.unwrap_err();
        assert!(
            matches!(&refused, SendError::Refused(why) if why.contains("mailbox")),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_server_that_is_busy_or_wants_a_login_is_asked_again() {
        for reply in ["451 come later", "530 who are you", "535 wrong password"] {
            let error = answered(reply).await.unwrap_err();
            assert!(matches!(error, SendError::Unconfirmed(_)), "{reply}: {error}");
        }
    }

    #[tokio::test]
    async fn nobody_at_the_port_is_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Smtp::at(&format!("smtp://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let error = smtp.send(&message()).await.unwrap_err();
        assert!(matches!(error, SendError::Unconfirmed(_)), "{error}");
    }

    #[test]
    fn a_line_break_in_the_subject_begins_no_header() {
        let subject = "Hello\r\nBcc: all@example.com\r\n\r\nbody".to_owned();
        let formatted = email(&Message { subject, ..message() }).unwrap().formatted();
        let text = String::from_utf8(formatted).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("MIME-Version"), "{head}");
    }

    #[test]
    fn mail_in_the_clear_stays_on_this_machine() {
        for url in ["smtp://localhost:1025", "smtp://127.0.0.1:1025", "smtp://[::1]:1025"] {
            assert!(Smtp::at(url).is_ok(), "{url}");
        }
        for url in ["smtps://ana:secret@mail.example", "smtp://mail.example?tls=required"] {
            assert!(Smtp::at(url).is_ok(), "{url}");
        }
        for url in ["smtp://mail.example", "smtp://mail.example?tls=opportunistic"] {
            let error = Smtp::at(url).unwrap_err();
            assert!(matches!(error, SmtpUrlError::Unencrypted(_)), "{url}: {error}");
        }
    }
}
