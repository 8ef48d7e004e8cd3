//! Types for identifiers. Their values are parsed from text, so that no identifier is empty, too
//! long, or unsafe in a path.

/// The text is not an identifier. The error's message states the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters from A-Z, a-z, 0-9, '-', '_' and '.', and not '.' or '..'")]
pub struct IdentifierError;

/// The regular expression of identifiers in the published schemas of events. Unlike [`IDENTIFIER`],
/// this expression also matches `.` and `..`, which are not identifiers.
#[doc(hidden)]
pub const PUBLISHED_IDENTIFIER: &str = "^[A-Za-z0-9._-]{1,64}$";

/// The regular expression that every identifier matches.
#[doc(hidden)]
pub const IDENTIFIER: &str =
    r"^(\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}|\.{3}[A-Za-z0-9._-]{0,61})$";

const MAX_LENGTH: usize = 64;

/// Whether `text` is 1 to 64 characters from `A-Z a-z 0-9 - _ .`, but neither `.` nor `..`: a path
/// with `.` or `..` leads to another directory.
#[doc(hidden)]
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_place = matches!(text, "." | "..");
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) && !is_place
}

/// Declares a type for one kind of identifier, such as the ids of orders.
#[macro_export]
macro_rules! identifier {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::IdentifierError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                if $crate::is_identifier(&text) { Ok(Self(text)) } else { Err($crate::IdentifierError) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::IdentifierError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $crate::PUBLISHED_IDENTIFIER,
                })
            }
        }
    };
}

identifier! {
    /// An opaque id that events carry instead of the task token of Step Functions, which is secret.
    /// A message that completes the waiting task contains this id.
    Handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_never_empty_long_or_odd() {
        for bad in ["", " ", "a b", "é", "a/b", ".", "..", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Handle>(), Err(IdentifierError), "{bad:?}");
        }
        assert!("SKU-1_a.b".parse::<Handle>().is_ok());
    }
}
