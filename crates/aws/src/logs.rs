//! Logs: one JSON object a line, as CloudWatch reads them. Never a body, never a secret.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging, at the level in `AWS_LAMBDA_LOG_LEVEL` (Lambda sets it where a function's log
/// format is JSON) or `RUST_LOG`, or at `INFO`.
///
/// Other crates log from warnings on: at their finest level some print payloads.
pub(crate) fn start() {
    let named = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"].into_iter().filter_map(crate::variable);
    let level = named.filter_map(|level| level.parse().ok()).next().unwrap_or(LevelFilter::INFO);
    let heard = Targets::new().with_target("chorus", level).with_default(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    // Logging has started before only where two runtimes share a process.
    if tracing_subscriber::registry().with(heard).with(lines).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
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
