//! A person's key: encrypts text, decrypts it, and computes hashes that nobody can compute without
//! the key.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use chorus_table::Sealed;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The key that text about one person is encrypted with: AES-256-GCM-SIV (RFC 8452).
///
/// Encryption is deterministic: the same text about the same person gives the same ciphertext. So
/// an action that is run again emits the same ciphertext, and a service can recognize that a text
/// has not changed. The nonce is zero; with this algorithm, a fixed nonce reveals only whether two
/// texts about one person are equal.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingKey(#[serde(with = "hex::serde")] [u8; 32]);

impl SealingKey {
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub fn seal(&self, text: &str) -> Sealed {
        let encrypted = self.cipher().encrypt(&Nonce::default(), text.as_bytes());
        Sealed::encrypted(&encrypted.expect("a text is shorter than 64 GiB"))
    }

    /// Decrypts the text. Returns `None` if the text was encrypted with a different key. Text that
    /// is not encrypted is returned as it is.
    #[must_use]
    pub fn open(&self, sealed: &Sealed) -> Option<String> {
        let Some(ciphertext) = sealed.ciphertext() else {
            return Some(sealed.as_str().to_owned());
        };
        let text = self.cipher().decrypt(&Nonce::default(), ciphertext.as_slice()).ok()?;
        String::from_utf8(text).ok()
    }

    /// An id of this key: eight bytes of an HMAC. Nobody can compute the key from the id, so the id
    /// may stay stored after the key was destroyed.
    #[must_use]
    pub fn id(&self) -> String {
        let mut hash = self.hash();
        hash.update(b"key-id");
        hex::encode(&hash.finalize().into_bytes()[..8])
    }

    /// A hash function (HMAC) with this key.
    pub(crate) fn hash(&self) -> Hmac<Sha256> {
        <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes keys of every length")
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.0.into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANA: SealingKey = SealingKey::new([1; 32]);
    const BEN: SealingKey = SealingKey::new([2; 32]);

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_key_and_no_other(text: String) {
            let sealed = ANA.seal(&text);
            prop_assert_eq!(ANA.open(&sealed), Some(text.clone()));
            prop_assert_eq!(BEN.open(&sealed), None);
            prop_assert_eq!(ANA.seal(&text), sealed, "the same text is the same ciphertext");
        }
    }

    #[test]
    fn a_ciphertext_says_nothing_of_its_text_and_nothing_once_it_is_changed() {
        let sealed = ANA.seal("Obere Str. 57");
        assert!(!sealed.as_str().contains("Obere"));
        let mut bytes = sealed.ciphertext().unwrap();
        bytes[0] ^= 1;
        assert_eq!(ANA.open(&Sealed::encrypted(&bytes)), None);
        assert_eq!(ANA.open(&Sealed::from("~".to_owned())), None);
    }

    #[test]
    fn text_of_an_earlier_release_is_read_as_it_is() {
        assert_eq!(ANA.open(&Sealed::from("Berlin".to_owned())), Some("Berlin".to_owned()));
    }

    #[test]
    fn a_key_has_an_id_of_its_own() {
        assert_eq!(ANA.id(), ANA.id());
        assert_ne!(ANA.id(), BEN.id());
        assert!(!hex::encode([1; 32]).contains(&ANA.id()));
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{ANA:?}"), "SealingKey(..)");
    }
}
