//! HTTP without a server: a service says what it answers on which route, and an adapter listens.
//!
//! With the feature `server`, the routes on an axum server, with the OpenAPI document that describes
//! them: the same router answers over a socket, in tests, and for a command line without a server.

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
mod openapi;
mod parameter;
mod problem;
mod route;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod serving;
#[cfg(feature = "server")]
mod tokens;

pub use caller::{Admitted, Caller, admit};
pub use chorus_table::{CallerRole as Role, Callers};
pub use command::{command, command_key, customers_key, personal_command};
pub use entity_tag::Precondition;
pub use function::HttpFunction;
#[cfg(feature = "server")]
pub use gate::{Gate, SESSION_COOKIE};
pub use openapi::{ApiInfo, Webhook, openapi};
pub use parameter::{Parameter, Place, Values};
pub use problem::{FieldError, Problem};
pub use route::{Endpoint, Method, Request, Response, Route, Taken};
#[cfg(feature = "server")]
pub use server::{MAX_BODY, restricted, router, trusting, with_problems, without_query};
#[cfg(feature = "server")]
pub use serving::{Limits, serve};
#[cfg(feature = "server")]
pub use tokens::{SecretError, TokenKey, kept_secret, kept_text_secret};
