//! The secret that the shop shares with its front end.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use crate::{Claims, TOKEN_TYPE};

/// The shortest secret, in bytes: the length of an HMAC-SHA256 (RFC 7518, section 3.2).
const MIN_BYTES: usize = 32;

/// The text is too short to be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the front end's secret must have at least {MIN_BYTES} bytes")]
pub struct FrontEndSecretTooShort;

/// A secret of at least 32 bytes, which is never printed. The bytes of the secret's text are the
/// signing key.
#[derive(Clone)]
pub struct FrontEndSecret(EncodingKey);

impl FrontEndSecret {
    /// Returns the claims as a JSON Web Token, signed by HMAC-SHA256. The same claims give the same
    /// token.
    pub(crate) fn sign(&self, claims: &Claims) -> jsonwebtoken::errors::Result<String> {
        let typ = Some(TOKEN_TYPE.to_owned());
        encode(&Header { typ, ..Header::new(Algorithm::HS256) }, claims, &self.0)
    }
}

impl FromStr for FrontEndSecret {
    type Err = FrontEndSecretTooShort;

    fn from_str(text: &str) -> Result<Self, FrontEndSecretTooShort> {
        if text.len() < MIN_BYTES {
            return Err(FrontEndSecretTooShort);
        }
        EncodingKey::from_secret(text.as_bytes()).map(Self).map_err(|_| FrontEndSecretTooShort)
    }
}

impl fmt::Debug for FrontEndSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrontEndSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_as_long_as_what_it_signs_with_and_never_printed() {
        let text = "0123456789abcdef0123456789abcdef";
        assert!(text[1..].parse::<FrontEndSecret>().is_err());
        let secret: FrontEndSecret = text.parse().unwrap();
        assert_eq!(format!("{secret:?}"), "FrontEndSecret(..)");
    }
}
