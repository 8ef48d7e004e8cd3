//! Logs: one JSON object per line, as CloudWatch expects. Neither bodies nor secrets are logged.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging at the level of `RUST_LOG` or `AWS_LAMBDA_LOG_LEVEL` (which Lambda sets if a
/// function's log format is JSON), or else at `INFO`.
///
/// Other crates log only warnings and errors, because some of them log payloads at the level
/// `TRACE`. At `INFO`, the kernel's log line for each handled event is left out, because the line
/// at the end of each invocation has the same fields.
pub(crate) fn start() {
    let named = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().filter_map(crate::variable);
    let level = named.filter_map(|level| level.parse().ok()).next().unwrap_or(LevelFilter::INFO);
    let levels = levels(level);
    // This fails only if another runtime in the same process has started logging already.
    if subscriber(levels, std::io::stdout).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// The level at which each module is logged. `level` is the configured level.
fn levels(level: LevelFilter) -> Targets {
    let answers = if level > LevelFilter::INFO { level } else { level.min(LevelFilter::WARN) };
    Targets::new()
        .with_target("chorus", level)
        .with_target("chorus_kernel::committing::handler", answers)
        .with_default(LevelFilter::WARN)
}

fn subscriber<W>(levels: Targets, writer: W) -> impl SubscriberInitExt
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
    tracing_subscriber::registry().with(levels).with(lines)
}

/// Logs a panic and its place in the code as one line.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("the panic's payload is not text");
    tracing::error!(place, "panicked: {text}");
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io::Write;
    use std::sync::{Arc, Mutex, OnceLock};

    use tracing::Dispatch;

    use super::*;

    /// A second subscriber, which writes nothing, and exists until the tests end.
    /// [`Logged::begin`] explains why it is needed.
    static SECOND: OnceLock<Dispatch> = OnceLock::new();

    /// Collects the lines that are logged on this thread.
    #[derive(Clone, Default)]
    pub(crate) struct Logged(Arc<Mutex<Vec<u8>>>);

    impl Logged {
        /// Collects the lines that a function logs at `INFO`, until the guard is dropped.
        pub(crate) fn begin(&self) -> tracing::subscriber::DefaultGuard {
            // If only one subscriber exists, and a thread without a subscriber reaches a log line
            // first, `tracing` disables the line for all threads. A second subscriber prevents
            // that.
            SECOND.get_or_init(|| {
                Dispatch::new(tracing_subscriber::registry().with(levels(LevelFilter::INFO)))
            });
            let logged = self.clone();
            subscriber(levels(LevelFilter::INFO), move || logged.clone()).set_default()
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
