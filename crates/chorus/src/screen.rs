//! What a person sees: coloured on a terminal, plain in a pipe.

use anstyle::{AnsiColor, Style};

/// A name that the eye should find.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// Writes a line.
macro_rules! line {
    ($($text:tt)*) => {
        anstream::println!($($text)*)
    };
}
pub(crate) use line;

/// Writes a line beside the result, to standard error.
macro_rules! note {
    ($($text:tt)*) => {{
        #[allow(clippy::print_stderr)]
        {
            anstream::eprintln!($($text)*);
        }
    }};
}
pub(crate) use note;

/// Says what went wrong, cause by cause.
#[allow(clippy::print_stderr)]
pub(crate) fn error(error: &anyhow::Error) {
    anstream::eprintln!("{BAD}error:{BAD:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because {cause}");
    }
}

/// The width of the terminal, where there is one.
pub(crate) fn width() -> Option<u16> {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
}
