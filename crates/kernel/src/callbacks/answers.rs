//! The words that waiting tasks of a state machine are answered with, and its choices compare.

/// The words that code of a service puts into one field of its answers. A check of the template
/// holds the choices of the machine's definition against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The field of an answer, such as `verdict`.
    pub field: &'static str,
    /// All that it can say.
    pub words: &'static [&'static str],
}

/// Declares an enum whose variants stand as words in a field of a task's answer, and `ANSWERS`,
/// all of them, for the machine's [`MachineSpec`](crate::MachineSpec).
///
/// ```
/// chorus_kernel::answers! {
///     /// What a reviewer says.
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
            /// Every word, with the field that it stands in.
            $vis const ANSWERS: $crate::Answers =
                $crate::Answers { field: $field, words: &[$($word),+] };

            /// As it stands in an answer.
            #[must_use]
            $vis const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}
