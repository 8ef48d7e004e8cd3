//! The services' routes on an axum server, and the OpenAPI document that describes them.
//!
//! The same router answers over a socket, in tests, and for the command line without a server.

mod home;
mod openapi;
mod server;

pub use openapi::openapi;
pub use server::{MAX_BODY, router, with_problems};
