//! Web addresses that the shop passes on to customers.

/// The error for a text that is not the address of a web page. The number is the greatest length
/// that is allowed, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https:// URL of at most {0} visible ASCII characters")]
pub struct PageUrlError(pub usize);

/// Whether `text` is the address of a page: an `https` URL of at most `longest` visible ASCII
/// characters.
pub(crate) fn is_page(text: &str, longest: usize) -> bool {
    let place = text.strip_prefix("https://").unwrap_or_default();
    place.starts_with(|first: char| first.is_ascii_alphanumeric())
        && place.bytes().all(|byte| byte.is_ascii_graphic())
        && text.len() <= longest
}

/// The regular expression for addresses in JSON schemas. It matches every address that [`is_page`]
/// accepts.
pub(crate) const PATTERN: &str = "^https://[A-Za-z0-9][!-~]*$";

/// Declares a type for the addresses of web pages: `https` URLs of at most `$longest` characters.
macro_rules! page_url {
    ($(#[$meta:meta])* $name:ident, of at most $longest:literal characters) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The greatest length of an address, in characters.
            pub const MAX_LENGTH: usize = $longest;

            /// The address as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::PageUrlError;

            fn try_from(text: String) -> Result<Self, $crate::PageUrlError> {
                let is_page = $crate::page_url::is_page(&text, Self::MAX_LENGTH);
                is_page.then_some(Self(text)).ok_or($crate::PageUrlError(Self::MAX_LENGTH))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::PageUrlError;

            fn from_str(text: &str) -> Result<Self, $crate::PageUrlError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(url: $name) -> Self {
                url.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $crate::page_url::PATTERN,
                    "maxLength": Self::MAX_LENGTH,
                })
            }
        }
    };
}

pub(crate) use page_url;
