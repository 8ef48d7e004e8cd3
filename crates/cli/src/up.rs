//! `up`: runs the application on this machine until it is stopped.

use std::path::PathBuf;

use anstream::println;
use anyhow::Context;
use chorus_http::{Caller, Gate, HttpFunction, Limits, router, serve};
use chorus_local::{Local, LocalConfig};

use crate::{PATIENCE, Program};

pub(crate) async fn up(program: &Program, data: PathBuf, port: u16) -> anyhow::Result<()> {
    let stack = (program.stack)();
    let (functions, routes) = HttpFunction::split(stack.functions);
    let kept = data.display().to_string();
    let local = Local::open(LocalConfig::new(&stack.table, functions).data(data))?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener
        .with_context(|| format!("nothing can listen on port {port}: choose another --port"))?;
    println!("{} is open at http://{}, its data in {kept}.", program.title, listener.local_addr()?);
    local.runner().start();
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let caller = Caller::trusted("local", &routes);
    let api = Gate::with_local_caller(caller).guard(router(local.kernel(), program.info(), routes));
    serve(listener, api, Limits::default(), interrupted).await;
    Ok(local.runner().shutdown(PATIENCE).await?)
}
