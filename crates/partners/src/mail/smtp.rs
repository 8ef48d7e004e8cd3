//! Email by SMTP.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

use super::{Address, MailTransport, Message, SendError};

/// How long the server may take for one reply.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Replies that reject the login, not the message (RFC 4954). Once the operator has corrected the
/// login, a retry succeeds.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// The reply with which a server closes the connection. It may follow any command (RFC 5321).
const CLOSING: u16 = 421;

/// Why a URL is not the URL of a mail server, or must not be used.
#[derive(Debug, Error)]
pub enum SmtpUrlError {
    #[error("this is not a URL")]
    Url(#[from] url::ParseError),
    #[error(
        "mail to another machine must be encrypted: write smtps://{0}, or smtp://{0}?tls=required"
    )]
    Unencrypted(String),
    #[error("this is not an SMTP server's URL: write smtps://HOST or smtp://HOST")]
    NotSmtp,
    #[error("the mail server's host name is not one that a TLS certificate can contain")]
    Tls(#[from] Error),
}

/// How a connection is encrypted.
#[derive(Clone)]
enum Security {
    Unencrypted,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

/// An SMTP client that opens a new connection for each message.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Smtp {
    /// A client of the server at `smtps://USER:PASSWORD@HOST`, `smtp://HOST?tls=required`
    /// (STARTTLS), or, unencrypted and on this machine only, `smtp://localhost:1025`.
    ///
    /// # Errors
    /// If `url` has another form, or if messages would leave this machine unencrypted.
    pub fn at(url: &str) -> Result<Self, SmtpUrlError> {
        let url = Url::parse(url)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(SmtpUrlError::NotSmtp)?.to_owned();
        let tls = url.query_pairs().find(|(name, _)| name == "tls");
        let (port, security) = match (url.scheme(), tls.as_ref().map(|(_, value)| &**value)) {
            ("smtps", _) => (465, Security::Tls(TlsParameters::new(host.clone())?)),
            ("smtp", Some("required")) => {
                (587, Security::StartTls(TlsParameters::new(host.clone())?))
            }
            ("smtp", None) if crate::is_this_machine(&url) => (25, Security::Unencrypted),
            ("smtp", _) => return Err(SmtpUrlError::Unencrypted(host)),
            _ => return Err(SmtpUrlError::NotSmtp),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = url
            .password()
            .map(|password| Credentials::new(decoded(url.username()), decoded(password)));
        Ok(Self { host, port: url.port().unwrap_or(port), security, login })
    }

    /// Opens a connection on which messages can be sent.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let hello = ClientId::default();
        let tls = match &self.security {
            Security::Tls(tls) => Some(tls.clone()),
            Security::Unencrypted | Security::StartTls(_) => None,
        };
        let server = (self.host.trim_matches(['[', ']']), self.port);
        let opened = AsyncSmtpConnection::connect_tokio1(server, Some(TIMEOUT), &hello, tls, None);
        let mut connection = reply(opened, RefusedPart::Sender).await?;
        if let Security::StartTls(tls) = &self.security {
            reply(connection.starttls(tls.clone(), &hello), RefusedPart::Sender).await?;
        }
        if let Some(login) = &self.login {
            reply(connection.auth(DEFAULT_MECHANISMS, login), RefusedPart::Sender).await?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl MailTransport for Smtp {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let email = email(message).map_err(|error| SendError::Refused(error.to_string()))?;
        let mut connection = self.connect().await?;
        let sent = hand_over(&mut connection, &email).await;
        // The result does not depend on how the connection is closed.
        let _closed = timeout(TIMEOUT, connection.abort()).await;
        sent
    }
}

/// Sends an email on an open connection.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    email: &lettre::Message,
) -> Result<(), SendError> {
    let (envelope, content) = (email.envelope(), email.formatted());
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let has_non_ascii = !envelope.to().iter().chain(envelope.from()).all(is_ascii);
    let mut options = Vec::new();
    for (needed, extension, option) in [
        (has_non_ascii, Extension::SmtpUtfEight, MailParameter::SmtpUtfEight),
        (
            !content.is_ascii(),
            Extension::EightBitMime,
            MailParameter::Body(MailBodyParameter::EightBitMime),
        ),
    ] {
        if needed && !connection.server_info().supports_feature(extension) {
            let why = format!("it does not support {extension}, which the message needs");
            return Err(SendError::Refused(why));
        }
        options.extend(needed.then_some(option));
    }
    let sender = Mail::new(envelope.from().cloned(), options);
    reply(connection.command(sender), RefusedPart::Sender).await?;
    for recipient in envelope.to() {
        let recipient = Rcpt::new(recipient.clone(), Vec::new());
        reply(connection.command(recipient), RefusedPart::Message).await?;
    }
    reply(connection.command(Data), RefusedPart::Message).await?;
    reply(connection.message(&content), RefusedPart::Message).await?;
    Ok(())
}

/// What the mail server's reply rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusedPart {
    /// The connection, the login, or the sender: the next message would get the same reply.
    Sender,
    /// The recipient, or the message.
    Message,
}

/// Waits for a reply of the server, for at most [`TIMEOUT`].
async fn reply<T>(
    replied: impl Future<Output = Result<T, Error>>,
    refused_part: RefusedPart,
) -> Result<T, SendError> {
    match timeout(TIMEOUT, replied).await {
        Ok(reply) => reply.map_err(|error| refusal(&error, refused_part)),
        Err(_) => {
            let why = format!("it did not reply within {} seconds", TIMEOUT.as_secs());
            Err(SendError::Unconfirmed(why))
        }
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

fn refusal(error: &Error, refused_part: RefusedPart) -> SendError {
    let code = error.status().map(u16::from);
    let cause = error.source().map(ToString::to_string);
    let reason = match (refused_part, code) {
        (RefusedPart::Message, Some(code)) => {
            without_text(code, cause.as_deref().unwrap_or_default())
        }
        _ => cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    };
    if error.is_permanent() && code.is_none_or(|code| !LOGIN_REFUSED.contains(&code)) {
        SendError::Refused(reason)
    } else if refused_part == RefusedPart::Message && error.is_transient() && code != Some(CLOSING)
    {
        SendError::Deferred(reason)
    } else {
        SendError::Unconfirmed(reason)
    }
}

/// The reply's code, and its enhanced status code (RFC 3463) if it has one. The reply's text is
/// omitted: servers often quote the mailbox there, and a mailbox identifies a person.
fn without_text(code: u16, reply: &str) -> String {
    let is_enhanced = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u16>().is_ok())
    };
    match reply.split_whitespace().find(is_enhanced) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;
    use crate::mail::testing::message;

    /// Starts a server that accepts one connection and answers `command` with `reply`. Returns a
    /// client of the server, and a thread that returns the text of the emails that were received.
    fn server(command: &'static str, reply: &'static str) -> (Smtp, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let transcript = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            stream.write_all(b"220 ready\r\n").unwrap();
            let mut transcript = String::new();
            while let Some(Ok(line)) = lines.next() {
                let answer = match line.get(..4).unwrap_or_default() {
                    verb if verb == command => reply,
                    "DATA" => "354 go on",
                    "EHLO" | "MAIL" | "RCPT" => "250 ok",
                    "QUIT" => "221 bye",
                    _ if line == "." => "250 taken",
                    _ => {
                        transcript.push_str(&line);
                        transcript.push('\n');
                        continue;
                    }
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
            }
            transcript
        });
        (Smtp::at(&url).unwrap(), transcript)
    }

    async fn answered(command: &'static str, reply: &'static str) -> SendError {
        server(command, reply).0.send(&message()).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_message_arrives_as_text_and_html_under_its_id() {
        let (smtp, transcript) = server("RCPT", "250 ok");
        smtp.send(&message()).await.unwrap();
        drop(smtp);
        let transcript = transcript.join().unwrap();
        for part in [
            "Message-ID: <7d3c@shop.example>",
            "From: orders@shop.example",
            "To: ana@example.com",
            "Content-Type: multipart/alternative",
            "thank you",
            "<p>thank you</p>",
        ] {
            assert!(transcript.contains(part), "{part}: {transcript}");
        }
    }

    #[tokio::test]
    async fn an_unknown_mailbox_is_refused_for_good() {
        let refused = answered("RCPT", "550 no such mailbox").await;
        assert!(matches!(&refused, SendError::Refused(why) if why == "550"), "{refused}");
    }

    #[tokio::test]
    async fn a_reply_about_a_mailbox_is_told_by_its_codes_alone() {
        let deferred = answered("RCPT", "450 4.2.1 mailbox of Rita Secretname is busy").await;
        assert!(matches!(&deferred, SendError::Deferred(why) if why == "450 4.2.1"), "{deferred}");
    }

    #[tokio::test]
    async fn a_server_that_is_busy_or_wants_a_login_is_asked_again() {
        for (command, reply) in [
            ("EHLO", "421 too busy"),
            ("MAIL", "451 come later"),
            ("RCPT", "421 closing"),
            ("RCPT", "530 who are you"),
            ("DATA", "535 wrong password"),
        ] {
            let error = answered(command, reply).await;
            assert!(matches!(error, SendError::Unconfirmed(_)), "{command} {reply}: {error}");
        }
    }

    #[tokio::test]
    async fn a_mailbox_that_takes_nothing_now_concerns_its_own_message_alone() {
        for (command, reply) in [
            ("RCPT", "450 mailbox is busy"),
            ("RCPT", "452 mailbox is full"),
            ("DATA", "451 greylisted"),
        ] {
            let error = answered(command, reply).await;
            assert!(matches!(error, SendError::Deferred(_)), "{command} {reply}: {error}");
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
