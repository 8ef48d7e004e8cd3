//! A file in a shop's data directory. It holds the secret that signs the carrier's webhooks, and
//! the previous secret. Only the file's owner may read it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chorus_webhook_signature::{SecretSource, SecretUnavailable, WebhookSecret, WebhookSecrets};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The file's name in a shop's data directory.
const FILE: &str = "webhook-secret";

/// The length of a generated secret, in bytes, before the bytes are written in hex.
const RANDOM_BYTES: usize = 32;

/// Why the file with the webhook secrets cannot be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum WebhookSecretError {
    #[error("{} cannot be read or written", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("{} holds no webhook secret: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error("the operating system provided no random bytes")]
    Random(#[from] getrandom::Error),
}

#[derive(Debug, Clone)]
pub struct WebhookSecretFile(PathBuf);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// When the current secret was made.
    since: Timestamp,
}

impl WebhookSecretFile {
    /// Returns the file in this directory. If there is none, makes a file with a new secret.
    ///
    /// # Errors
    /// If the file cannot be read, if a new file cannot be made, or if a secret is too short.
    pub fn in_directory(directory: &Path) -> Result<Self, WebhookSecretError> {
        let file = Self(directory.join(FILE));
        if !file.0.exists() {
            let first = Kept { current: random()?, previous: None, since: Timestamp::now() };
            match file.write(&first, |new, path| new.persist_noclobber(path).map(drop)) {
                // Another process has made the file since the check above, so its secret is used.
                Err(WebhookSecretError::File(_, error))
                    if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        file.secrets()?;
        Ok(file)
    }

    /// Returns the secret with which the carrier signs its webhooks now, as text.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn current(&self) -> Result<String, WebhookSecretError> {
        Ok(self.read_file()?.current)
    }

    /// Makes a new secret, which replaces the current secret at `now`. The replaced secret stays
    /// valid for a week or, if `revoked`, is invalid at once.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn rotate(&self, now: Timestamp, revoked: bool) -> Result<(), WebhookSecretError> {
        let before = self.read_file()?.current;
        let previous = (!revoked).then_some(before);
        let rotated = Kept { current: random()?, previous, since: now };
        self.write(&rotated, |new, path| new.persist(path).map(drop))
    }

    fn secrets(&self) -> Result<WebhookSecrets, WebhookSecretError> {
        let kept = self.read_file()?;
        let secret = |text: &str| -> Result<WebhookSecret, WebhookSecretError> {
            text.parse().map_err(|error| self.unreadable(&error))
        };
        let current = secret(&kept.current)?;
        Ok(match &kept.previous {
            None => current.into(),
            Some(previous) => {
                WebhookSecrets::rotated(current, secret(previous)?, kept.since.as_second())
            }
        })
    }

    fn read_file(&self) -> Result<Kept, WebhookSecretError> {
        let unread = |error| WebhookSecretError::File(self.0.clone(), error);
        let text = std::fs::read(&self.0).map_err(unread)?;
        // The parser's own error may quote the secret, so that error is not passed on.
        serde_json::from_slice(&text).map_err(|error| {
            self.unreadable(&format_args!("{:?} at line {}", error.classify(), error.line()))
        })
    }

    /// Replaces the whole file atomically, because the process may be killed at any time.
    fn write(
        &self,
        kept: &Kept,
        persist: impl FnOnce(NamedTempFile, &Path) -> Result<(), tempfile::PersistError>,
    ) -> Result<(), WebhookSecretError> {
        let failed = |error| WebhookSecretError::File(self.0.clone(), error);
        let text = serde_json::to_vec(kept).map_err(|error| self.unreadable(&error))?;
        let directory = self.0.parent().unwrap_or(Path::new("."));
        let mut new = NamedTempFile::new_in(directory).map_err(failed)?;
        new.write_all(&text).map_err(failed)?;
        new.as_file().sync_all().map_err(failed)?;
        persist(new, &self.0).map_err(|error| failed(error.error))
    }

    fn unreadable(&self, reason: &dyn std::fmt::Display) -> WebhookSecretError {
        WebhookSecretError::Unreadable { file: self.0.clone(), reason: reason.to_string() }
    }
}

#[async_trait]
impl SecretSource for WebhookSecretFile {
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
        self.secrets().map_err(|error| SecretUnavailable(error.to_string()))
    }
}

/// Returns a new random secret for webhooks, in hex.
///
/// # Errors
/// If the operating system gives no random bytes.
pub fn random_webhook_secret() -> Result<String, getrandom::Error> {
    random()
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_a_secret_of_its_own_that_stays_and_that_only_its_owner_reads() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let of = |directory: &tempfile::TempDir| {
            WebhookSecretFile::in_directory(directory.path()).unwrap()
        };
        let first = of(&one).current().unwrap();
        assert_eq!(of(&one).current().unwrap(), first);
        assert_ne!(of(&other).current().unwrap(), first);
        assert_eq!(first.len(), 2 * RANDOM_BYTES);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(one.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }

    #[test]
    fn a_rotation_keeps_the_secret_before_unless_it_is_revoked() {
        let directory = tempfile::tempdir().unwrap();
        let file = WebhookSecretFile::in_directory(directory.path()).unwrap();
        let (first, now) = (file.current().unwrap(), Timestamp::now());
        file.rotate(now, false).unwrap();
        let second = file.current().unwrap();
        assert_ne!(first, second);
        let expected = WebhookSecrets::rotated(
            second.parse().unwrap(),
            first.parse().unwrap(),
            now.as_second(),
        );
        assert_eq!(file.secrets().unwrap(), expected);
        file.rotate(now, true).unwrap();
        let third: WebhookSecret = file.current().unwrap().parse().unwrap();
        assert_eq!(file.secrets().unwrap(), third.into());
    }

    #[test]
    fn a_secret_that_is_too_short_opens_no_shop_and_is_not_printed() {
        let directory = tempfile::tempdir().unwrap();
        let text = r#"{"current":"short","since":"2026-11-29T12:00:00Z"}"#;
        std::fs::write(directory.path().join(FILE), text).unwrap();
        let error = WebhookSecretFile::in_directory(directory.path()).unwrap_err().to_string();
        assert!(error.ends_with("a webhook secret must have at least 16 bytes"), "{error}");
        std::fs::write(directory.path().join(FILE), "sesame").unwrap();
        let error = WebhookSecretFile::in_directory(directory.path()).unwrap_err().to_string();
        assert!(error.contains("holds no webhook secret") && !error.contains("sesame"), "{error}");
    }
}
