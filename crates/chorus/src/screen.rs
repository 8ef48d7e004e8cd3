//! Prints for people: coloured on a terminal, plain in a pipe.

use std::io::Write;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

/// The style of names that should stand out.
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

macro_rules! line {
    ($($text:tt)*) => {
        $crate::screen::say(format_args!($($text)*))
    };
}
pub(crate) use line;

/// Prints a note to standard error, beside the result.
macro_rules! note {
    ($($text:tt)*) => {{
        #[allow(clippy::print_stderr)]
        {
            anstream::eprintln!($($text)*);
        }
    }};
}
pub(crate) use note;

/// The first error of writing to standard output.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// Prints a line to standard output. If that fails, the command still runs to its end, so that it
/// cleans up, and [`written`] returns the error.
pub(crate) fn say(text: std::fmt::Arguments<'_>) {
    if UNWRITTEN.get().is_some() {
        return;
    }
    if let Err(error) = writeln!(anstream::stdout().lock(), "{text}") {
        UNWRITTEN.get_or_init(|| error);
    }
}

/// Returns the first error of standard output. A closed pipe is none: a reader such as `head` just
/// stops reading.
pub(crate) fn written() -> anyhow::Result<()> {
    match UNWRITTEN.get() {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            anyhow::bail!("standard output cannot be written: {error}")
        }
        _ => Ok(()),
    }
}

/// Returns how this command was called, so that suggested commands can be pasted.
pub(crate) fn called() -> String {
    let path = std::env::args().next().unwrap_or_default();
    match std::env::var_os("CARGO") {
        Some(_) if path.contains("release") => "cargo run --release --".to_owned(),
        Some(_) => "cargo run --".to_owned(),
        None if path.is_empty() => "chorus".to_owned(),
        None => path,
    }
}

/// Prints an error and its causes.
#[allow(clippy::print_stderr)]
pub(crate) fn error(error: &anyhow::Error) {
    anstream::eprintln!("{BAD}error:{BAD:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because {cause}");
    }
}

/// The width of the terminal, if known.
pub(crate) fn width() -> Option<u16> {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
}
