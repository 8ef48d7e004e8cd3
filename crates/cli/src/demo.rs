//! `demo`: sends a few requests to the application in memory, and prints the events that follow.

use std::collections::BTreeSet;

use anstream::println;
use anyhow::{Context, ensure};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_http::{Caller, HttpFunction, MAX_BODY, router, with_default_caller};
use chorus_local::{Local, LocalConfig, Observation, VirtualClock};
use tower::ServiceExt;

use crate::{PATIENCE, Program};

/// Sends the demo's requests to the API. The virtual clock advances only when no work is due, so
/// that waits take no time.
pub(crate) async fn demo(program: &Program) -> anyhow::Result<()> {
    let stack = (program.stack)();
    let (functions, routes) = HttpFunction::split(stack.functions);
    let clock = VirtualClock::at(jiff::Timestamp::now());
    let local = Local::open(LocalConfig::new(&stack.table, functions).virtual_time(&clock))?;
    let caller = Caller::trusted("local", &routes);
    let api = with_default_caller(router(local.kernel(), program.info(), routes), caller);
    let (mut watch, mut seen) = (local.watch(), BTreeSet::new());
    local.runner().start();
    for (route, body) in program.demo {
        let (method, path) = route
            .split_once(' ')
            .with_context(|| format!("{route} must be a method and a path"))?;
        let request = Request::builder().method(method).uri(path).body(Body::from(*body))?;
        let response = api.clone().oneshot(request).await?;
        let (status, body) = (response.status(), to_bytes(response.into_body(), MAX_BODY).await?);
        ensure!(status.is_success(), "{route}: {status} {}", String::from_utf8_lossy(&body));
        local.runner().run_until_idle(PATIENCE).await?;
    }
    while let Ok(observation) = watch.try_recv() {
        if let Observation::Accepted(event) = observation
            && seen.insert(event.event_id.clone())
        {
            println!("{:<8} {}", event.correlation_id, event.detail_type);
        }
    }
    Ok(local.runner().shutdown(PATIENCE).await?)
}
