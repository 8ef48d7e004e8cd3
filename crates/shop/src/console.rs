//! The console of this shop: its pages are served next to the API, and updated live from the
//! engine's observations.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use chorus_console::{Answer, ApiRequest, Console, Live, ShopApi, Unreachable, Update};
use chorus_events::table::TABLE;
use chorus_http::Caller;
use chorus_local::{Definitions, Observation, Step};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::in_process;

/// The maximum size of an API response that a page is made from, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Calls the API in this process.
struct InProcess(Router);

#[async_trait]
impl ShopApi for InProcess {
    async fn ask(&self, caller: &Caller, ask: ApiRequest) -> Result<Answer, Unreachable> {
        let unreachable = |error: &dyn std::error::Error| Unreachable(error.to_string());
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        request = request.extension(caller.clone());
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = ask.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let body = ask.body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Body::from(body)).map_err(|error| unreachable(&error))?;
        let answered = in_process::send(&self.0, request, MAX_ANSWER).await;
        let (status, body) = answered.map_err(|error| unreachable(&error))?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Answer { status: status.as_u16(), body })
    }
}

/// Adds the console's pages to `api`; the pages are updated by the observations that `live` gets.
pub(crate) fn add_pages(
    api: Router,
    shop: &str,
    live: Live,
    machines: &Definitions,
) -> Result<Router, getrandom::Error> {
    let machines: BTreeMap<_, _> =
        machines.iter().map(|(name, machine)| (name, Arc::clone(machine))).collect();
    let own = Arc::new(InProcess(api.clone()));
    let console = Console::new(shop, own, live, &TABLE, machines)?;
    Ok(api.merge(console.router()))
}

/// Passes the engine's observations on to the console, until the engine stops.
pub(crate) async fn forward(live: Live, mut observations: Receiver<Observation>) {
    loop {
        match observations.recv().await {
            Ok(observation) => {
                if let Some(happened) = update_of(&observation) {
                    live.record(&happened);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "the console missed observations");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn update_of(observation: &Observation) -> Option<Update> {
    let action = |step: &Step| {
        let (_, action) = step.rule.rsplit_once('-').unwrap_or(("", &step.rule));
        action.to_owned()
    };
    match observation {
        Observation::Accepted(event) => Some(Update::Accepted {
            event: event.detail_type.clone(),
            about: event.correlation_id.clone(),
        }),
        Observation::Succeeded { step, took, .. } => {
            Some(Update::Succeeded { action: action(step), took: *took })
        }
        Observation::Failed { step, .. } => Some(Update::Failed { action: action(step) }),
        Observation::DeadLettered { step, .. } => {
            Some(Update::DeadLettered { action: action(step) })
        }
        Observation::Started(_) | Observation::Redriven(_) | Observation::Fired(_) => None,
    }
}
