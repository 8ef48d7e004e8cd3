//! What paths and functions see while a state is at work: input, context object, variables, chance.

use std::cell::{OnceCell, RefCell};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json::{Json, Object};
use crate::path::{Missing, Path, Root};

/// Numbers that look random and follow from a seed alone, so that a run can be repeated.
///
/// Each draw is the SHA-256 of the seed and a counter: tokens cannot be guessed without the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    /// Draws that follow from the seed. Use 32 bytes of the system's randomness in production.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws that follow from a number, for tests and for runs that are to be repeated.
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

    /// A UUID of version 4.
    pub(crate) fn draw_uuid(&mut self) -> String {
        let mut bytes = self.draw();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex::encode(&bytes[..16]);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// A number from 0 on and below 1.
    pub(crate) fn draw_fraction(&mut self) -> f64 {
        (self.draw_number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a state's fields are evaluated against.
pub(crate) struct Scope<'a> {
    /// `$`
    pub(crate) input: &'a Json,
    pub(crate) world: &'a World<'a>,
    /// `$states.result`
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) result: Option<&'a Json>,
    /// `$states.errorOutput`
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) error: Option<&'a Json>,
}

/// The part of a scope that stays while the input moves through the fields.
pub(crate) struct World<'a> {
    context: OnceCell<Json>,
    make_context: Box<dyn Fn() -> Json + 'a>,
    /// The variables, innermost first.
    variables: Vec<&'a Object>,
    entropy: RefCell<Entropy>,
    /// The time of the execution.
    #[cfg_attr(not(feature = "jsonata"), expect(dead_code, reason = "only queries look at it"))]
    pub(crate) now: Timestamp,
    /// What the fields made of the input on the way, where somebody wants to see it.
    seen: Option<RefCell<Object>>,
}

/// A path that found nothing.
pub(crate) struct Miss {
    /// Where it looked, unless it is a variable that does not exist.
    pub(crate) input: Option<String>,
    pub(crate) reason: String,
    pub(crate) past_end: bool,
}

impl<'a> World<'a> {
    pub(crate) fn new(
        make_context: impl Fn() -> Json + 'a,
        variables: Vec<&'a Object>,
        (entropy, now): (Entropy, Timestamp),
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

    /// The same, noting what is [shown](Self::show).
    pub(crate) fn watched(self) -> Self {
        Self { seen: Some(RefCell::default()), ..self }
    }

    /// Notes what a field has made of the input, if somebody wants to see it.
    pub(crate) fn show(&self, what: &str, value: &Json) {
        if let Some(seen) = &self.seen {
            seen.borrow_mut().insert(what.to_owned(), value.clone());
        }
    }

    pub(crate) fn scope(&'a self, input: &'a Json) -> Scope<'a> {
        Scope { input, world: self, result: None, error: None }
    }

    /// The entropy as it is now, and what was shown.
    pub(crate) fn into_parts(self) -> (Entropy, Object) {
        (self.entropy.into_inner(), self.seen.map(RefCell::into_inner).unwrap_or_default())
    }

    pub(crate) fn context(&self) -> &Json {
        self.context.get_or_init(&self.make_context)
    }
}

impl Scope<'_> {
    /// Reads what the path names.
    pub(crate) fn read(&self, path: &Path) -> Result<Json, Miss> {
        let root = match path.root() {
            Root::Input => self.input,
            Root::Context => self.world.context(),
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

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&Json> {
        self.world.variables.iter().find_map(|scope| scope.get(name))
    }

    pub(crate) fn draw_number(&self) -> u64 {
        self.world.entropy.borrow_mut().draw_number()
    }

    /// A UUID of version 4.
    pub(crate) fn draw_uuid(&self) -> String {
        self.world.entropy.borrow_mut().draw_uuid()
    }
}

#[cfg(feature = "jsonata")]
impl Scope<'_> {
    /// The chance as it is now, to be given back after it has been drawn from.
    pub(crate) fn entropy(&self) -> Entropy {
        self.world.entropy.borrow().clone()
    }

    pub(crate) fn give_back(&self, entropy: Entropy) {
        self.world.entropy.replace(entropy);
    }
}
