//! The functions that the page calls. One buffer is all that crosses: the page asks for room, writes
//! a question as JSON into it, and reads the answer from the same place.

#![allow(unsafe_code, reason = "exporting a name counts as unsafe; nothing here is")]

use std::sync::{Mutex, PoisonError};

use crate::answer::{Answer, Question, answer};

static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for a question of so many bytes, and tells where.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn room(length: usize) -> *const u8 {
    let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
    buffer.clear();
    buffer.resize(length, 0);
    buffer.as_mut_ptr()
}

/// Puts the answer in the place of the question, and tells its length.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn ask() -> usize {
    let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
    let told = match serde_json::from_slice::<Question>(&buffer) {
        Ok(question) => answer(&question),
        Err(error) => Answer { rules_error: Some(error.to_string()), ..Answer::default() },
    };
    // Texts, numbers and lists of them are always written.
    *buffer = serde_json::to_vec(&told).unwrap_or_default();
    buffer.len()
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn told() -> *const u8 {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}
