//! Text about a person, encrypted where it is stored and on the bus.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The prefix that marks encrypted text.
const MARK: &str = "~";

/// Text about a person, such as a street, encrypted under a key of that person wherever it is
/// stored or published. Destroying the key makes the text unreadable everywhere at once. The code
/// of request handlers and external calls encrypts and decrypts the text. An action's `decide`
/// passes the text on unread.
///
/// Earlier releases published and stored text about people unencrypted. Unencrypted text is still
/// accepted.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Encodes `ciphertext` as text.
    #[must_use]
    pub fn encrypted(ciphertext: &[u8]) -> Self {
        Self(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(ciphertext)))
    }

    /// The ciphertext, or `None` if the text is not encrypted. Text that has the prefix, but is not
    /// valid base64, yields an empty ciphertext, which no key decrypts.
    #[must_use]
    pub fn ciphertext(&self) -> Option<Vec<u8>> {
        let encoded = self.0.strip_prefix(MARK)?;
        Some(URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default())
    }

    /// Whether the text is empty, as it is after the person's data was erased.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it is stored and published: encrypted, unless an earlier release wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sealed {
    /// Accepts text as it was found on the bus or in a store.
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl JsonSchema for Sealed {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sealed".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_text_is_told_from_text_in_the_clear() {
        let sealed = Sealed::encrypted(&[0, 255, 62]);
        assert_eq!(sealed.as_str(), "~AP8-");
        assert_eq!(sealed.ciphertext(), Some(vec![0, 255, 62]));
        assert_eq!(Sealed::from("Obere Str. 57".to_owned()).ciphertext(), None);
        assert_eq!(Sealed::from("~!".to_owned()).ciphertext(), Some(Vec::new()));
    }

    #[test]
    fn it_is_a_string_on_the_wire_and_never_printed() {
        let sealed = Sealed::from("Obere Str. 57".to_owned());
        assert_eq!(serde_json::to_string(&sealed).unwrap(), "\"Obere Str. 57\"");
        assert_eq!(format!("{sealed:?}"), "Sealed(..)");
    }
}
