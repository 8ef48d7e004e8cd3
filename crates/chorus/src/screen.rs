//! Prints text: coloured on a terminal, plain in a pipe.

use std::io::Write;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// The escape sequences that begin or end this module's styles, without the escape character.
const STYLES: [&str; 5] = ["[0m", "[1m", "[2m", "[31m", "[32m"];

macro_rules! line {
    ($($text:tt)*) => {
        $crate::screen::print_line(format_args!($($text)*))
    };
}
pub(crate) use line;

/// Prints a note to standard error, because standard output has only the command's result.
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
static OUTPUT_ERROR: OnceLock<std::io::Error> = OnceLock::new();

/// Prints a line to standard output. If the write fails, the command still runs to its end, so that
/// it cleans up; after that, [`check_output`] returns the error.
pub(crate) fn print_line(text: std::fmt::Arguments<'_>) {
    if OUTPUT_ERROR.get().is_some() {
        return;
    }
    if let Err(error) = writeln!(anstream::stdout().lock(), "{}", printable(&text.to_string())) {
        OUTPUT_ERROR.get_or_init(|| error);
    }
}

/// Returns the first error of standard output. A closed pipe does not count as an error, because a
/// reader such as `head` just stops reading.
pub(crate) fn check_output() -> anyhow::Result<()> {
    match OUTPUT_ERROR.get() {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            anyhow::bail!("standard output cannot be written: {error}")
        }
        _ => Ok(()),
    }
}

/// Returns the command by which this program was called, so that the user can paste the commands
/// that messages suggest.
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
    anstream::eprintln!("{BAD}error:{BAD:#} {}", plain(&error.to_string()));
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because {}", plain(&cause.to_string()));
    }
}

/// Escapes the control characters of a text that the shop's callers wrote, such as the reason of a
/// cancellation, because a terminal would execute these characters.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.into() })
        .collect()
}

/// Escapes the control characters of a text that is about to be printed. Keeps line ends, and the
/// escape sequences of this module's styles.
fn printable(text: &str) -> String {
    let mut parts = Vec::new();
    for (place, part) in text.split('\u{1b}').enumerate() {
        let style = STYLES.iter().find(|style| place > 0 && part.starts_with(**style));
        if place > 0 {
            parts.push(if style.is_some() { "\u{1b}".to_owned() } else { plain("\u{1b}") });
        }
        parts.push(part.split('\n').map(plain).collect::<Vec<_>>().join("\n"));
    }
    parts.concat()
}

/// The width of the terminal, if known.
pub(crate) fn width() -> Option<u16> {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_does_not_control_the_terminal() {
        let reason = "lost\u{1b}[2J\u{9b}2J\r\u{7}\u{1b}]0;title\u{7}";
        let line =
            format!("{BOLD}7c1f{BOLD:#}  {BAD}Canceled{BAD:#}  ({reason})\n{DIM}more{DIM:#}");
        let printed = printable(&line);
        let styles = [BOLD, BAD, DIM].map(|style| style.to_string());
        assert!(styles.iter().all(|style| printed.contains(style)), "{printed:?}");
        let rest = printed.replace("\u{1b}[", "[");
        assert!(rest.chars().all(|c| c == '\n' || !c.is_control()), "{printed:?}");
        assert_eq!(printed.matches('\u{1b}').count(), line.matches('\u{1b}').count() - 2);
        assert_eq!(plain("a\nb"), "a\\u{a}b");
    }
}
