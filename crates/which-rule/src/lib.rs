//! The WebAssembly program of the page `docs/which-rule.html`. The page shows which rules match an
//! event, and why other rules do not match. The page calls `answer` through `exports`.

mod answer;
mod exports;

pub use answer::{Answer, Question, Verdict, answer};
