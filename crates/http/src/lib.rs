//! HTTP without a server: a service declares its routes, and an adapter receives the requests.
//!
//! With the feature `server`, axum serves the routes and an OpenAPI document that describes them.
//! The same axum router answers requests from a socket, from a test, and from a command line that
//! runs without a server.

mod body;
mod caller;
mod command;
mod components;
mod entity_tag;
mod function;
#[cfg(feature = "server")]
mod gate;
#[cfg(feature = "server")]
mod home;
mod noteworthy;
mod openapi;
mod parameter;
mod problem;
mod route;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod serving;
#[cfg(feature = "server")]
mod streams;
#[cfg(feature = "server")]
mod tokens;
mod trace;

pub use caller::{Admitted, Caller, admit};
pub use chorus_table::{CallerRole as Role, Callers};
pub use command::{command, command_key, customers_key, personal_command};
pub use entity_tag::Precondition;
pub use function::HttpFunction;
#[cfg(feature = "server")]
pub use gate::{Gate, SESSION_COOKIE};
pub use noteworthy::LoggedRequest;
pub use openapi::{ApiInfo, Webhook, openapi};
pub use parameter::{Parameter, ParameterIn, Values};
pub use problem::{FieldError, Problem};
pub use route::{Endpoint, Method, Request, RequestBody, Response, Route};
#[cfg(feature = "server")]
pub use server::{MAX_BODY, restricted, router, with_default_caller, with_problems, without_query};
#[cfg(feature = "server")]
pub use serving::{Limits, serve};
#[cfg(feature = "server")]
pub use streams::OpenStream;
#[cfg(feature = "server")]
pub use tokens::{SecretError, TokenKey, kept_secret, kept_text_secret};
pub use trace::Trace;
