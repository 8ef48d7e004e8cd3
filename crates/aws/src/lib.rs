//! Runs an application on AWS: implements the kernel's ports with the SDK, and contains the Lambda
//! runtime of every service.
//!
//! A service's `main` passes its function to [`run`], which answers every payload that the function
//! can get: an event of the bus, a batch of a queue, a request to the HTTP API, a task of a state
//! machine, a tick of the sweeper. A service's actions do not use this crate. Only the service's
//! `main` and the adapters that call partners use it. This crate depends on no service.
//!
//! How a failure is handled:
//!
//! | payload | retryable | terminal |
//! |---|---|---|
//! | event | the invocation fails; Lambda retries the invocation, and then sends the event to the failure destination | the event goes to the failure queue at once, with the cause; the invocation succeeds |
//! | batch | the message stays in its queue, hidden after each failure for a longer time, and is given up after a day (after thirteen days if it waits for a partner or is in a redrive queue) | the message goes to the failure queue at once, with the cause |
//! | request | 503 with `retry-after` | the problem's status |
//! | sweep | the invocation fails; the next tick continues the sweep | as if the failure were retryable |
//! | task | the invocation fails with the failure's code as its error type, for the state machine's `Retry` | the invocation fails with the failure's code as its error type, for the state machine's `Catch` |
//!
//! If there is no failure queue (`FAILURE_QUEUE_URL`), or if the queue does not answer, a terminal
//! failure is treated as a retryable one. After the retries, the platform moves the message to a
//! dead-letter queue.

mod bus;
mod claims;
mod clock;
mod config;
mod http_client;
mod invocation;
mod logs;
mod machines;
mod queues;
mod randomness;
mod run;
#[cfg(feature = "secrets-manager")]
mod run_time_secret;
#[cfg(feature = "secrets-manager")]
mod secret;
mod service_error;
mod store;
mod trace;
#[cfg(feature = "secrets-manager")]
mod webhook_secret;

pub use bus::EventBridgePublisher;
pub use clock::SystemClock;
pub use config::{sdk_config, sdk_config_in};
pub use machines::SfnMachines;
pub use randomness::OsRandomness;
pub use run::{ROW_OUTPUTS, StartError, parsed, run, variable};
#[cfg(feature = "secrets-manager")]
pub use run_time_secret::secret_named_by;
#[cfg(feature = "secrets-manager")]
pub use secret::{SecretError, SecretVersions, StoredSecret};
pub use store::{DynamoStore, Meter, Reading, Tables};
#[cfg(feature = "secrets-manager")]
pub use webhook_secret::webhook_secrets;
