//! The smallest Lambda function in Rust: the baseline for measurements of the services' functions.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

fn main() -> ExitCode {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let hello = service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload));
    let ran = executor
        .map_err(Error::from)
        .and_then(|executor| executor.block_on(lambda_runtime::run(hello)));
    if ran.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
