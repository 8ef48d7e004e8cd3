//! The values that a state machine's waiting tasks are completed with; the machine's choices
//! compare with them.

/// The strings that a service's code puts into one field of its answers. A check of the template
/// compares the choices of the machine's definition with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The field of an answer, such as `verdict`.
    pub field: &'static str,
    pub words: &'static [&'static str],
}

/// Declares an enum whose variants are the strings of one field of a task's answer, and `ANSWERS`,
/// all of them, for the machine's [`MachineSpec`](crate::MachineSpec).
///
/// ```
/// chorus_kernel::answers! {
///     /// A reviewer's verdict.
///     pub enum Verdict in "verdict" {
///         /// Go on.
///         Approve = "approve",
///         /// Give up.
///         Decline = "decline",
///     }
/// }
/// assert_eq!(Verdict::ANSWERS.words, ["approve", "decline"]);
/// assert_eq!(Verdict::Decline.word(), "decline");
/// ```
#[macro_export]
macro_rules! answers {
    ($(#[$meta:meta])* $vis:vis enum $name:ident in $field:literal {
        $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$about])* $variant),+
        }

        impl $name {
            /// Every value, with its field.
            $vis const ANSWERS: $crate::Answers =
                $crate::Answers { field: $field, words: &[$($word),+] };

            /// The value as it is written in an answer.
            #[must_use]
            $vis const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}
