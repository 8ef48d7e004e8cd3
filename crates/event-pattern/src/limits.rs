//! How large and how complex a pattern may be.

/// Bounds that [`Pattern::parse_within`](crate::Pattern::parse_within) enforces.
///
/// The default is what the service enforces on `PutRule`, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The most characters a pattern may have. The service: 2048, on request 4096.
    pub characters: usize,
    /// The deepest nesting of objects and arrays.
    pub depth: usize,
    /// The most fields that one combination of `$or` branches may constrain. The engine: 256.
    pub fields: usize,
    /// The most combinations that all `$or` together may unfold into. The service: 1000.
    pub combinations: usize,
    /// The most places that one value can be at simultaneously in all wildcards of one field, which
    /// is an automaton's work per byte. It grows with the number of stars, and with repetition in
    /// the text after a star. The service does not publish its limit; 10 fits what it has been seen
    /// to accept and to refuse.
    pub wildcard_complexity: usize,
    /// The greatest distance from zero of a number in `numeric` or `anything-but`; `None` for no
    /// bound. The documentation of the service says `5e9`; its present engine takes every number
    /// that a double holds, hence the default `None`.
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
    /// Bounds that no reasonable pattern reaches, for patterns that are never given to the service.
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
