//! The functions that the page `docs/which-rule.html` calls. The functions share one buffer: the
//! page calls `room`, writes a question as JSON into the buffer, calls `ask`, and reads the answer
//! from the buffer.

#![allow(unsafe_code, reason = "exporting a name counts as unsafe; no code here is unsafe")]

use std::sync::{Mutex, PoisonError};

use crate::answer::{Answer, Question, answer};

static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes the buffer `length` bytes long, for a question, and returns the buffer's address.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn room(length: usize) -> *const u8 {
    let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
    buffer.clear();
    buffer.resize(length, 0);
    buffer.as_mut_ptr()
}

/// Replaces the question in the buffer by the answer, and returns the answer's length.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn ask() -> usize {
    let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = match serde_json::from_slice::<Question>(&buffer) {
        Ok(question) => answer(&question),
        Err(error) => Answer { rules_error: Some(error.to_string()), ..Answer::default() },
    };
    // Strings, numbers and lists of them can always be serialized.
    *buffer = serde_json::to_vec(&answer).unwrap_or_default();
    buffer.len()
}

/// Returns the address of the buffer with the answer. The question may have had another address,
/// because `ask` puts the answer into a new buffer.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn address() -> *const u8 {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}
