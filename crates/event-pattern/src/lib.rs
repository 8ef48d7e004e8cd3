//! Amazon EventBridge event patterns: checked, matched exactly and fast, and explained.
//!
//! ```
//! use event_pattern::{Matcher, Pattern};
//!
//! let mut rules = Matcher::new();
//! rules.add("review", &Pattern::parse(r#"{"detail": {"total": [{"numeric": [">=", 1000]}]}}"#)?);
//! rules.add("count", &Pattern::parse(r#"{"detail-type": [{"prefix": "Order"}]}"#)?);
//!
//! let event = br#"{"detail-type": "OrderCreated", "detail": {"total": 237.51}}"#;
//! assert_eq!(rules.matches(event)?, ["count"]);
//!
//! let explanation = Pattern::parse(r#"{"detail": {"total": [{"numeric": [">=", 1000]}]}}"#)?
//!     .explain(event)?;
//! assert_eq!(explanation.decided_by.as_deref(), Some("detail.total"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

mod address;
mod compare;
mod comparison;
mod condition;
pub mod conformance;
mod error;
mod event;
mod explain;
mod fold;
mod input;
mod json;
mod limits;
mod lint;
mod matcher;
mod number;
mod parse;
mod pattern;
mod wildcard;

pub use compare::{Compared, Events, Relation};
pub use error::{EventError, PatternError, PatternFault, Position};
pub use explain::{Alternative, Explanation, FieldVerdict, Held, Outcome};
pub use input::{InputError, RuleContext, Transformer, part_of};
pub use json::JsonError;
pub use limits::Limits;
pub use lint::{Code, Finding, Severity, lint};
pub use matcher::Matcher;
pub use pattern::{FieldConstraint, Pattern};

/// Makes the README's example a doctest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
