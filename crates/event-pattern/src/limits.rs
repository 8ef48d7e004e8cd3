//! How large and how complex a pattern may be.

/// Bounds that [`Pattern::parse_within`](crate::Pattern::parse_within) enforces.
///
/// The default limits are those that EventBridge enforces on `PutRule`, as far as they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The most characters a pattern may have. EventBridge accepts 2048, and 4096 on request.
    pub characters: usize,
    /// The deepest nesting of objects and arrays that a pattern may have.
    pub depth: usize,
    /// The most fields that one combination of `$or` branches may have conditions on. EventBridge
    /// accepts 256.
    pub fields: usize,
    /// The most combinations that a pattern may unfold into. A combination has one branch of each
    /// `$or`. EventBridge accepts 1000.
    pub combinations: usize,
    /// The highest complexity of one field's wildcards: at how many of their positions a matcher
    /// can be at once while it reads a value. The complexity grows with the stars, and with
    /// repetition in the text after a star. EventBridge does not publish its limit; 10 agrees with
    /// the patterns that EventBridge was seen to accept and to refuse.
    pub wildcard_complexity: usize,
    /// The greatest absolute value of a number in `numeric` or `anything-but`; `None` for no bound.
    /// EventBridge's documentation says `5e9`, but EventBridge's present engine takes every number
    /// that a double can represent. The default is therefore `None`.
    pub numeric_bound: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            characters: 4096,
            depth: 200,
            fields: 256,
            combinations: 1000,
            wildcard_complexity: 10,
            numeric_bound: None,
        }
    }
}

impl Limits {
    /// Bounds that no reasonable pattern reaches, for patterns that are never given to EventBridge.
    #[must_use]
    pub fn generous() -> Self {
        Self {
            characters: 1 << 20,
            depth: 200,
            fields: 4096,
            combinations: 10_000,
            wildcard_complexity: 10_000,
            numeric_bound: None,
        }
    }
}
