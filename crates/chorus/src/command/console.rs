//! `chorus console`: the console of a deployed shop.

mod deployed;
mod follow;
mod nested;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use chorus_aws_operator::Operator;
use chorus_console::{Console as Pages, Live};
use chorus_events::callers::ROLES;
use chorus_events::table::TABLE;
use chorus_http::{Caller, Gate, HttpFunction, Limits, serve};
use chorus_kernel::Function;
use chorus_local::Definitions;
use chorus_shop::API;
use clap::Args;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::interruption::Interruption;
use crate::location::url;
use crate::screen::{BOLD, DIM, GOOD, line};
use crate::stack::user;
use deployed::DeployedShop;
use nested::Nested;

/// Show, on this machine, the console of a deployed shop
///
/// The pages are the same as in the console of `chorus up`. Orders, reviews and refunds go through
/// the stack's API, which needs a token. The command reads dead letters, state machines and the
/// findings of `doctor` from AWS, with the credentials of this shell. Only this machine can open
/// the console.
#[derive(Debug, Args)]
pub(crate) struct Console {
    /// The CloudFormation stack that deployed the shop
    #[arg(long, value_name = "NAME")]
    stack: String,
    /// The address of the stack's API: the stack's output ApiUrl
    #[arg(long, value_name = "URL", value_parser = url)]
    api: String,
    /// The token to call the API with; it must have the roles staff, reviewer and operator
    #[arg(long, value_name = "TOKEN", env = "CHORUS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3100)]
    port: u16,
}

pub(crate) async fn run(console: &Console) -> anyhow::Result<ExitCode> {
    let Console { stack, api, token, port } = console;
    let (functions, routes) = HttpFunction::split(chorus_infra::shop(".").functions);
    let shop = Arc::new(DeployedShop {
        nested: Nested::of_functions(&functions)?,
        client: Client::remote(api).with_token(token.clone()),
        operator: Operator::new(&chorus_aws::sdk_config(), stack),
    });
    let live = Live::default();
    let title = format!("Chorus, {stack}");
    let own = Arc::clone(&shop) as Arc<_>;
    let pages = Pages::new(title, own, live.clone(), &TABLE, machines(&functions)?)?;
    let described = chorus_http::openapi(API, &routes);
    let caller = Caller::with_roles(user(), ROLES.map(|role| role.name));
    let router = Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .merge(pages.router())
        .route("/openapi.json", get(|| async { Json(described) }));
    let router = Gate::with_local_caller(caller).guard(router);
    let address = SocketAddr::from(([127, 0, 0, 1], *port));
    let taken = || format!("nothing can listen on {address}: choose another --port");
    let listener = TcpListener::bind(address).await.with_context(taken)?;
    let address = listener.local_addr()?;
    let interruption = Interruption::listen()?;
    line!("{GOOD}The console of {stack}{GOOD:#} is at {BOLD}http://{address}/console{BOLD:#}");
    line!("{DIM}Ctrl-C stops the console; the shop keeps running.{DIM:#}");
    let following = tokio::spawn(follow::newest_orders(shop, live));
    tokio::select! {
        () = serve(listener, router, Limits::default(), std::future::pending()) => {}
        () = interruption.received() => {}
    }
    following.abort();
    Ok(ExitCode::SUCCESS)
}

/// Returns the state machines of this release, which the console draws.
fn machines(
    functions: &[Function],
) -> anyhow::Result<BTreeMap<&'static str, Arc<states::Machine>>> {
    let definitions = Definitions::of(functions, &BTreeMap::new())?;
    Ok(definitions.iter().map(|(name, machine)| (name, Arc::clone(machine))).collect())
}
