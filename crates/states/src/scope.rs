//! What paths and functions can read while a state's fields are evaluated: input, context object,
//! variables and entropy.

use std::cell::{OnceCell, RefCell};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json::{Json, Object};
use crate::path::{Missing, Path, Root};

/// A source of pseudo-random numbers that depends on its seed alone, so that a run can be repeated.
///
/// Each draw is the SHA-256 of the seed and a counter, so nobody can guess task tokens without
/// knowing the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    /// Makes a source from a seed. In production, use 32 random bytes from the operating system.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Makes a source from a number, for tests and for repeatable runs.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        Self::new(seed)
    }

    pub(crate) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut digest = Sha256::new();
        digest.update(self.seed);
        digest.update(self.drawn.to_le_bytes());
        digest.finalize().into()
    }

    pub(crate) fn draw_number(&mut self) -> u64 {
        let bytes = self.draw();
        bytes[..8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// Draws a UUID of version 4.
    pub(crate) fn draw_uuid(&mut self) -> String {
        let mut bytes = self.draw();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex::encode(&bytes[..16]);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// Draws a number that is at least 0 and less than 1.
    pub(crate) fn draw_fraction(&mut self) -> f64 {
        (self.draw_number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The values that the paths and expressions in a state's fields can read.
pub(crate) struct Scope<'a> {
    /// The value of `$`.
    pub(crate) input: &'a Json,
    pub(crate) environment: &'a Environment<'a>,
    /// The value of `$states.result`.
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) result: Option<&'a Json>,
    /// The value of `$states.errorOutput`.
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) error: Option<&'a Json>,
}

/// The part of a [`Scope`] that is the same for all fields of a state: the context object, the
/// variables, the entropy and the time.
pub(crate) struct Environment<'a> {
    context: OnceCell<Json>,
    make_context: Box<dyn Fn() -> Json + 'a>,
    /// The variables that the state can read: an object for each level (the top level, a branch or
    /// an iteration) around the state, the innermost level first.
    variables: Vec<&'a Object>,
    entropy: RefCell<Entropy>,
    /// The time of the current transition.
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) now: Timestamp,
    /// The values recorded by [`Self::show`]; absent if recording is off.
    seen: Option<RefCell<Object>>,
}

/// Why a path found nothing.
pub(crate) struct Miss {
    /// The JSON text to which the path was applied; absent if the path starts at an unset variable.
    pub(crate) input: Option<String>,
    pub(crate) reason: String,
    pub(crate) past_end: bool,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(
        make_context: impl Fn() -> Json + 'a,
        variables: Vec<&'a Object>,
        entropy: Entropy,
        now: Timestamp,
    ) -> Self {
        Self {
            context: OnceCell::new(),
            make_context: Box::new(make_context),
            variables,
            entropy: RefCell::new(entropy),
            now,
            seen: None,
        }
    }

    /// Turns on the recording by [`Self::show`].
    pub(crate) fn watched(self) -> Self {
        Self { seen: Some(RefCell::default()), ..self }
    }

    /// Records an intermediate value of the data flow, if recording is on.
    pub(crate) fn show(&self, what: &str, value: &Json) {
        if let Some(seen) = &self.seen {
            seen.borrow_mut().insert(what.to_owned(), value.clone());
        }
    }

    pub(crate) fn scope(&'a self, input: &'a Json) -> Scope<'a> {
        Scope { input, environment: self, result: None, error: None }
    }

    /// Returns the entropy as it is now, and the recorded values.
    pub(crate) fn into_parts(self) -> (Entropy, Object) {
        (self.entropy.into_inner(), self.seen.map(RefCell::into_inner).unwrap_or_default())
    }

    pub(crate) fn context(&self) -> &Json {
        self.context.get_or_init(&self.make_context)
    }
}

impl Scope<'_> {
    /// Reads the value at a path.
    pub(crate) fn read(&self, path: &Path) -> Result<Json, Miss> {
        let root = match path.root() {
            Root::Input => self.input,
            Root::Context => self.environment.context(),
            Root::Variable(name) => self.variable(name).ok_or_else(|| Miss {
                input: None,
                reason: format!("The variable '${name}' has no value"),
                past_end: false,
            })?,
        };
        match path.select(root) {
            Ok(found) => Ok(found.into_owned()),
            Err(Missing { reason, past_end }) => {
                Err(Miss { input: Some(root.to_string()), reason, past_end })
            }
        }
    }

    /// The value of a variable, from the innermost level (the top level, a branch or an iteration)
    /// that has the variable; `None` if no level has it.
    pub(crate) fn variable(&self, name: &str) -> Option<&Json> {
        self.environment.variables.iter().find_map(|scope| scope.get(name))
    }

    pub(crate) fn draw_number(&self) -> u64 {
        self.environment.entropy.borrow_mut().draw_number()
    }

    /// Draws a UUID of version 4.
    pub(crate) fn draw_uuid(&self) -> String {
        self.environment.entropy.borrow_mut().draw_uuid()
    }
}

#[cfg(feature = "jsonata")]
impl Scope<'_> {
    /// Copies the entropy as it is now. After drawing from the copy, the caller must pass the copy
    /// to [`Self::set_entropy`].
    pub(crate) fn entropy(&self) -> Entropy {
        self.environment.entropy.borrow().clone()
    }

    pub(crate) fn set_entropy(&self, entropy: Entropy) {
        self.environment.entropy.replace(entropy);
    }
}
