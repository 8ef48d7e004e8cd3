//! A small strict JSON reader that builds no tree, never recurses and keeps numbers as written.

mod cursor;
mod lex;
mod skip;
mod text;

pub(crate) use cursor::Cursor;
pub(crate) use lex::Reason;
pub(crate) use text::{Text, unescape};

/// How deeply a document may nest. EventBridge's engine refuses deeper documents, too.
pub(crate) const MAX_DEPTH: usize = 1000;

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct JsonError {
    /// A description of the error, for people.
    pub reason: &'static str,
    /// Byte offset into the text at which the faulty part starts.
    pub offset: usize,
}
