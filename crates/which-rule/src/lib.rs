//! The program in the page `docs/which-rule.html`, which shows the rules that match an event, and
//! why the others do not. `answer` does the work; the page calls it through `exports`.

mod answer;
mod exports;

pub use answer::{Answer, Question, Verdict, answer};
