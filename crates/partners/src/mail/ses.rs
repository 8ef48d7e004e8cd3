//! Email by Amazon SES, API version 2.

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as Simple};
use aws_types::SdkConfig;

use super::{MailTransport, Message, SendError};

/// A client of SES, with the region and credentials of its configuration.
///
/// SES assigns every message its own Message-ID, so a mailbox cannot recognize the copy that a
/// retry sends.
#[derive(Debug, Clone)]
pub struct Ses(Client);

impl Ses {
    /// A client that does not retry requests by itself, because a retry may send the email twice:
    /// the caller decides about retries.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let once = Builder::from(config).retry_config(RetryConfig::disabled());
        Self(Client::from_conf(once.build()))
    }
}

#[async_trait]
impl MailTransport for Ses {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let content = content(message).map_err(|error| SendError::Refused(error.to_string()))?;
        let destination = Destination::builder().to_addresses(message.to.to_string()).build();
        let request = self.0.send_email();
        let request = request.from_email_address(message.from.to_string());
        let sent = request.destination(destination).content(content).send().await;
        sent.map(drop).map_err(|error| refusal(&error))
    }
}

fn content(message: &Message) -> Result<EmailContent, BuildError> {
    let utf8 = |data: &str| Content::builder().charset("UTF-8").data(data).build();
    let body = Body::builder().text(utf8(&message.text)?).html(utf8(&message.html)?).build();
    let simple = Simple::builder().subject(utf8(&message.subject_line())?).body(body).build();
    Ok(EmailContent::builder().simple(simple).build())
}

/// Classifies an error. A message that SES rejects would be rejected again. After any other error,
/// a retry can succeed, for example once AWS allows a paused account to send again.
fn refusal(error: &SdkError<SendEmailError>) -> SendError {
    let reason = || {
        let message = error.message().map(ToOwned::to_owned);
        message.unwrap_or_else(|| DisplayErrorContext(error).to_string())
    };
    match error.as_service_error() {
        Some(SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_)) => {
            SendError::Refused(reason())
        }
        _ => SendError::Unconfirmed(reason()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::JoinHandle;

    use aws_sdk_sesv2::config::{Credentials, Region, SharedCredentialsProvider};

    use super::*;
    use crate::mail::testing::message;

    fn at(listener: &TcpListener) -> Ses {
        let credentials = Credentials::new("key", "secret", None, None, "a test");
        let config = chorus_aws::sdk_config()
            .into_builder()
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        Ses::new(&config.build())
    }

    /// Starts an endpoint that answers one request. The join handle yields the path and the body of
    /// that request.
    fn endpoint(status: &'static str, body: &'static str) -> (Ses, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ses = at(&listener);
        let transcript = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut transcript, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let header = line.to_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                transcript.push_str(&line);
            }
            let mut content = vec![0; length];
            reader.read_exact(&mut content).unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(head.as_bytes()).unwrap();
            transcript + &String::from_utf8(content).unwrap()
        });
        (ses, transcript)
    }

    #[tokio::test]
    async fn ses_is_asked_for_text_and_html_under_a_subject_of_one_line() {
        let (ses, transcript) = endpoint("200 OK", r#"{"MessageId": "m"}"#);
        let subject = "Your order\nBcc: all".to_owned();
        ses.send(&Message { subject, ..message() }).await.unwrap();
        let transcript = transcript.join().unwrap();
        assert!(transcript.starts_with("POST /v2/email/outbound-emails "), "{transcript}");
        for part in [
            r#""FromEmailAddress":"orders@shop.example""#,
            r#""ToAddresses":["ana@example.com"]"#,
            r#""Data":"Your order Bcc: all""#,
            r#""Data":"thank you""#,
            r#""Data":"<p>thank you</p>""#,
        ] {
            assert!(transcript.contains(part), "{part}: {transcript}");
        }
    }

    async fn answered(status: &'static str, body: &'static str) -> SendError {
        endpoint(status, body).0.send(&message()).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_rejected_message_is_refused_with_the_reason() {
        let body = r#"{"__type": "MessageRejected", "message": "not a verified address"}"#;
        let refused = answered("400 Bad Request", body).await;
        assert_eq!(refused, SendError::Refused("not a verified address".to_owned()));
    }

    #[tokio::test]
    async fn a_throttled_or_paused_account_is_asked_again() {
        for (status, body) in [
            ("429 Too Many", r#"{"__type": "TooManyRequestsException", "message": "slowly"}"#),
            ("400 Bad", r#"{"__type": "SendingPausedException", "message": "paused"}"#),
            ("403 No", r#"{"__type": "AccessDeniedException", "message": "no grant"}"#),
            ("500 Oh", "not JSON"),
        ] {
            let error = answered(status, body).await;
            assert!(matches!(error, SendError::Unconfirmed(_)), "{body}: {error}");
        }
    }

    #[tokio::test]
    async fn a_request_without_an_answer_is_not_repeated_here() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ses = at(&listener);
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let error = ses.send(&message()).await.unwrap_err();
        assert!(matches!(error, SendError::Unconfirmed(_)), "{error}");
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}
