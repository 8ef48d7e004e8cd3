//! The program in the page `docs/which-rule.html`: which rules match an event, and why the others do
//! not. `answer` is all of it; `exports` is how the page calls it.

mod answer;
mod exports;

pub use answer::{Answer, Question, Verdict, answer};
