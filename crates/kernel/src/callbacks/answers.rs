//! The values in the answers that complete a state machine's waiting tasks. The `Choice` states of
//! the machine compare a task's answer with these values.

/// The strings that a service's code puts into one field of its answers to waiting tasks. The
/// checks of the CloudFormation template report a difference if the `Choice` states of a state
/// machine compare the field with other strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The field of an answer, such as `verdict`.
    pub field: &'static str,
    pub values: &'static [&'static str],
}

/// Declares an enum with one variant for each string that a field of a task's answer may have. The
/// enum's constant `ANSWERS` lists all of these strings, for the machine's
/// [`MachineSpec`](crate::MachineSpec).
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
/// assert_eq!(Verdict::ANSWERS.values, ["approve", "decline"]);
/// assert_eq!(Verdict::Decline.as_str(), "decline");
/// ```
#[macro_export]
macro_rules! answers {
    ($(#[$meta:meta])* $vis:vis enum $name:ident in $field:literal {
        $($(#[$about:meta])* $variant:ident = $value:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$about])* $variant),+
        }

        impl $name {
            /// The strings of all variants, and the field of an answer that holds one of them.
            $vis const ANSWERS: $crate::Answers =
                $crate::Answers { field: $field, values: &[$($value),+] };

            /// The string that an answer contains for this variant.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value),+
                }
            }
        }
    };
}
