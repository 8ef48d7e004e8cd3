//! The tokens of an application on one machine: JSON Web Tokens, signed with a key in the
//! application's directory.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::{Caller, Problem};

/// The name of the key's file in the application's directory.
const FILE: &str = "token-key";

/// The issuer and the audience of the tokens.
const ISSUER: &str = "chorus";

/// The lifetime of a token, in seconds: a working day.
const LIFETIME: u64 = 12 * 3_600;

const SECRET_BYTES: usize = 32;

/// Why a secret cannot be created or used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret in {} cannot be read or written", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("the operating system provided no random bytes")]
    Random(#[from] getrandom::Error),
    #[error("the key cannot sign tokens")]
    Key(#[from] JwtError),
    #[error("the secret in {} must have {SECRET_BYTES} bytes, but has {bytes}", path.display())]
    Length { path: PathBuf, bytes: usize },
}

/// The key that signs and verifies tokens.
#[derive(Clone)]
pub struct TokenKey {
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
    iat: u64,
    exp: u64,
}

impl TokenKey {
    /// A new random key, which is not stored.
    ///
    /// # Errors
    /// If the system provides no random bytes.
    pub fn random() -> Result<Self, SecretError> {
        Self::of(&random()?)
    }

    /// The key in a directory; a new key is created if the directory has none.
    ///
    /// # Errors
    /// If the file cannot be read or written, or does not contain a key.
    pub fn in_directory(directory: &Path) -> Result<Self, SecretError> {
        Self::of(&kept_secret(directory, FILE)?)
    }

    fn of(key: &[u8]) -> Result<Self, SecretError> {
        Ok(Self { signs: EncodingKey::from_secret(key)?, verifies: DecodingKey::from_secret(key)? })
    }

    /// A token for `caller` that is valid for twelve hours.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn mint(&self, caller: &Caller) -> Result<String, JwtError> {
        let now = jsonwebtoken::get_current_timestamp();
        self.sign(caller, now, now + LIFETIME)
    }

    fn sign(&self, caller: &Caller, iat: u64, exp: u64) -> Result<String, JwtError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: caller.name().unwrap_or_default().to_owned(),
            roles: caller.roles().map(ToOwned::to_owned).collect(),
            iat,
            exp,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
    }

    /// Verifies a token, and returns the caller whom it names.
    ///
    /// # Errors
    /// 401 if the token was not signed with this key, or has expired.
    pub fn verify(&self, token: &str) -> Result<Caller, Problem> {
        self.verify_with_expiry(token).map(|(caller, _)| caller)
    }

    /// Verifies a token as [`Self::verify`] does. Also returns the time at which the token expires.
    pub(crate) fn verify_with_expiry(&self, token: &str) -> Result<(Caller, SystemTime), Problem> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let refused = |why: &str| Problem::new(401, "unauthorized", format!("the token {why}"));
        let claims = decode::<Claims>(token, &self.verifies, &rules)
            .map_err(|error| refused(&format!("is invalid: {error}")))?
            .claims;
        match claims.sub.as_str() {
            "" => Err(refused("must have a subject (sub)")),
            name => {
                let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp));
                let expires = expires.ok_or_else(|| refused("expires too late"))?;
                Ok((Caller::with_roles(name, claims.roles), expires))
            }
        }
    }
}

/// The secret in `file` of `directory`: random bytes that only the file's owner can read. The file
/// is created if it does not exist.
///
/// # Errors
/// If the file cannot be read or written, or has the wrong length.
pub fn kept_secret(directory: &Path, file: &str) -> Result<[u8; SECRET_BYTES], SecretError> {
    read_or_create_secret(directory, file, random)
}

/// The secret in `file` of `directory`, as text that a person can copy: 32 hexadecimal digits, that
/// is 128 random bits. The file is created if it does not exist.
///
/// # Errors
/// See [`kept_secret`].
pub fn kept_text_secret(directory: &Path, file: &str) -> Result<String, SecretError> {
    let digits = || {
        let bytes = random()?;
        let mut digits = [0; SECRET_BYTES];
        for (digit, byte) in digits.iter_mut().zip(bytes) {
            *digit = b"0123456789abcdef"[usize::from(byte % 16)];
        }
        Ok(digits)
    };
    let kept = read_or_create_secret(directory, file, digits)?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

fn read_or_create_secret(
    directory: &Path,
    file: &str,
    make: impl FnOnce() -> Result<[u8; SECRET_BYTES], getrandom::Error>,
) -> Result<[u8; SECRET_BYTES], SecretError> {
    let path = directory.join(file);
    let failed = |error| SecretError::File(path.clone(), error);
    if !path.exists() {
        create_whole(&path, &make()?).map_err(failed)?;
    }
    let kept = std::fs::read(&path).map_err(failed)?;
    kept.try_into().map_err(|kept: Vec<u8>| SecretError::Length { path, bytes: kept.len() })
}

/// Creates a file atomically: even if the process is killed, the file has its whole content or does
/// not exist. If another process creates the file first, that file stays as it is.
fn create_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn random() -> Result<[u8; SECRET_BYTES], getrandom::Error> {
    let mut key = [0; SECRET_BYTES];
    getrandom::fill(&mut key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_whom_it_was_minted_for() {
        let key = TokenKey::random().unwrap();
        for caller in [Caller::customer("ana"), Caller::with_roles("maria", ["reviewer"])] {
            assert_eq!(key.verify(&key.mint(&caller).unwrap()).unwrap(), caller);
        }
    }

    #[test]
    fn a_token_of_another_key_or_time_or_without_a_signature_is_refused() {
        let (key, other) = (TokenKey::random().unwrap(), TokenKey::random().unwrap());
        let ana = Caller::customer("ana");
        let now = jsonwebtoken::get_current_timestamp();
        let expired = key.sign(&ana, now - LIFETIME, now - 3_600).unwrap();
        let good = key.mint(&ana).unwrap();
        let (_, rest) = good.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        // The first part of this token is `{"alg":"none"}`.
        let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
        let nobody = key.mint(&Caller::unknown()).unwrap();
        for token in [&other.mint(&ana).unwrap(), &expired, &unsigned, &nobody, "", "nonsense"] {
            assert_eq!(key.verify(token).unwrap_err().status, 401, "{token}");
        }
        assert!(key.verify(&good).is_ok());
    }

    #[test]
    fn a_secret_of_text_can_be_copied_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let made = kept_text_secret(directory.path(), "a-secret").unwrap();
        assert!(made.len() == SECRET_BYTES && made.bytes().all(|it| it.is_ascii_hexdigit()));
        assert_eq!(kept_text_secret(directory.path(), "a-secret").unwrap(), made);
        let other = kept_text_secret(directory.path(), "another").unwrap();
        assert_ne!(other, made);
        assert_eq!(std::fs::read_to_string(directory.path().join("a-secret")).unwrap(), made);
    }

    #[test]
    fn the_key_of_a_directory_stays_and_is_its_owners() {
        let directory = tempfile::tempdir().unwrap();
        let token = TokenKey::in_directory(directory.path()).unwrap();
        let token = token.mint(&Caller::customer("ana")).unwrap();
        assert!(TokenKey::in_directory(directory.path()).unwrap().verify(&token).is_ok());
        let file = directory.path().join(FILE);
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(&file).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
        std::fs::write(&file, "short").unwrap();
        let refused = TokenKey::in_directory(directory.path());
        assert!(matches!(refused, Err(SecretError::Length { bytes: 5, .. })), "{refused:?}");
    }
}
