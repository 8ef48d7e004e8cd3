//! Protects forms: only a page of this console can send a form.

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

/// A secret of this process. The console's forms contain the secret; a page of another origin
/// cannot read the secret.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        random::<32>().map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a form was sent by a page of this console. A page of another origin may be allowed
    /// to call the API, but never to send a form.
    pub(crate) fn admits(&self, headers: &HeaderMap, sent: &str) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let own = match (text(header::ORIGIN), text(header::HOST)) {
            (Some(origin), Some(host)) => {
                origin.split_once("://").is_some_and(|(_, from)| from == host)
            }
            (Some(_), None) => false,
            // A browser sends `Origin` with every form that is posted, so a request without
            // `Origin` does not come from a page of another origin.
            (None, _) => true,
        };
        own && bool::from(self.0.as_bytes().ct_eq(sent.as_bytes()))
    }
}

/// Generates the idempotency key that a form contains. If the form is sent twice, its request takes
/// effect once.
pub(crate) fn key() -> Result<String, getrandom::Error> {
    Ok(format!("console-{}", random::<12>()?))
}

/// Random bytes, in hexadecimal.
fn random<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn from(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:3000"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn only_a_form_of_this_console_is_taken() {
        let token = Token::generate().unwrap();
        let good = token.as_str().to_owned();
        assert!(token.admits(&from(Some("http://127.0.0.1:3000")), &good));
        assert!(token.admits(&from(None), &good));
        for (origin, sent) in [
            (Some("http://evil.example"), good.as_str()),
            (Some("null"), &good),
            (Some("http://127.0.0.1:3001"), &good),
            (Some("http://127.0.0.1:3000"), ""),
            (None, &Token::generate().unwrap().0),
        ] {
            assert!(!token.admits(&from(origin), sent), "{origin:?}");
        }
    }
}
