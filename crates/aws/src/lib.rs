//! An application on AWS: the kernel's ports on the SDK, and one Lambda runtime for every service.
//!
//! A service's `main` passes its function to [`run`], which answers every payload that the function
//! can get: an event of the bus, a batch of a queue, a request to the HTTP API, a task of a state
//! machine, a tick of the sweeper. A service's actions do not use this crate; only its start and
//! its calls of partners on AWS do. This crate depends on no service.
//!
//! How a failure is handled:
//!
//! | payload | retryable | terminal |
//! |---|---|---|
//! | event | the invocation fails; Lambda retries, then its failure destination | the failure queue, at once, with the cause; the invocation succeeds |
//! | batch | the message stays in its queue, hidden for a pause that grows, for a day at most | the failure queue, at once, with the cause |
//! | request | 503 with `retry-after` | the problem's status |
//! | sweep | the invocation fails; the next tick goes on | the same |
//! | task | the invocation fails by the failure's own name; the state machine's `Retry` | the same; its `Catch` |
//!
//! Without a failure queue (`FAILURE_QUEUE_URL`), or if it does not answer, a terminal failure is
//! treated as a retryable one: after the retries it ends in the platform's own dead letters.

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
