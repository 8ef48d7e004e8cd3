//! A shop on AWS: the kernel's ports on the SDK, and one Lambda runtime for every service.
//!
//! A service's `main` hands its function to [`run`], which answers every payload that the function
//! can get: an event of the bus, a batch of a queue, a request to the HTTP API, a task of a state
//! machine, a tick of the sweeper. No service knows of this crate, and this crate knows of none.
//!
//! What becomes of a failure:
//!
//! | payload | retryable | terminal |
//! |---|---|---|
//! | event | the invocation fails; Lambda retries, then its failure destination | the failure queue, at once, with the cause; the invocation succeeds |
//! | batch | the message stays in its queue, hidden for a pause that grows, for a day at most | the failure queue, at once, with the cause |
//! | request | 503 with `retry-after` | the problem's status |
//! | sweep | the invocation fails; the next tick goes on | the same |
//! | task | the invocation fails by the failure's own name; the state machine's `Retry` | the same; its `Catch` |
//!
//! Without a failure queue (`FAILURE_QUEUE_URL`), or where it does not answer, a terminal failure
//! is treated as a retryable one: it ends in the platform's own dead letters, later.

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
mod secret;
mod service_error;
mod store;
mod trace;

pub use bus::EventBridgePublisher;
pub use clock::SystemClock;
pub use config::sdk_config;
pub use machines::SfnMachines;
pub use randomness::OsRandomness;
pub use run::{ROW_OUTPUTS, StartError, parsed, run, variable};
#[cfg(feature = "secrets-manager")]
pub use secret::{SecretError, SecretVersions, StoredSecret};
pub use store::{DynamoStore, Meter, Reading, Tables};
