//! Logs: one JSON object a line, as CloudWatch reads them. Never a body, never a secret.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging, at the level in `RUST_LOG` or `AWS_LAMBDA_LOG_LEVEL` (Lambda sets it where a function's
/// log format is JSON), or at `INFO`.
///
/// Other crates log from warnings on: at their finest level some print payloads. What the kernel answers
/// is in the one line that ends each invocation.
pub(crate) fn start() {
    let named = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().filter_map(crate::variable);
    let level = named.filter_map(|level| level.parse().ok()).next().unwrap_or(LevelFilter::INFO);
    let heard = heard(level);
    // Logging has started before only where two runtimes share a process.
    if subscriber(heard, std::io::stdout).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// What is heard at this level.
fn heard(level: LevelFilter) -> Targets {
    let answers = if level > LevelFilter::INFO { level } else { level.min(LevelFilter::WARN) };
    Targets::new()
        .with_target("chorus", level)
        .with_target("chorus_kernel::committing::handler", answers)
        .with_default(LevelFilter::WARN)
}

/// Writes what is heard, as lines.
fn subscriber<W>(heard: Targets, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(heard).with(lines)
}

/// A panic is a line like any other, with its place.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("something that is no text");
    tracing::error!(place, "panicked: {text}");
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines that are logged on this thread as long as it is there.
    #[derive(Clone, Default)]
    pub(crate) struct Logged(Arc<Mutex<Vec<u8>>>);

    impl Logged {
        /// Begins to collect what a function logs at `INFO`.
        pub(crate) fn begin(&self) -> tracing::subscriber::DefaultGuard {
            let logged = self.clone();
            subscriber(heard(LevelFilter::INFO), move || logged.clone()).set_default()
        }

        pub(crate) fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(ToOwned::to_owned).collect()
        }
    }

    impl Write for Logged {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
