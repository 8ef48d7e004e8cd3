//! A console without a shop. It shows made-up events at a given rate. `scripts/console.py` opens
//! the console's map in a browser, and measures whether the map keeps up and whether the page's
//! memory grows.
//!
//! The program prints its address. `POST /made-up?events=6000&rate=200` makes up 6,000 events, 200
//! per second; the response to `GET /made-up` is the number of events made up so far.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use chorus_console::{Answer, ApiRequest, Console, Live, ShopApi, Unreachable, Update};
use chorus_events::callers::ROLES;
use chorus_events::table::TABLE;
use chorus_http::{Caller, Gate};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

/// An API that cannot be reached.
struct NoShop;

#[async_trait]
impl ShopApi for NoShop {
    async fn ask(&self, _: &Caller, _: ApiRequest) -> Result<Answer, Unreachable> {
        Err(Unreachable("there is no shop".to_owned()))
    }
}

#[derive(Clone)]
struct Making {
    live: Live,
    made: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct Asked {
    events: u64,
    rate: u32,
}

async fn made(State(making): State<Making>) -> String {
    making.made.load(Ordering::Relaxed).to_string()
}

async fn make(State(making): State<Making>, Query(Asked { events, rate }): Query<Asked>) {
    tokio::spawn(async move {
        let begun = Instant::now();
        for number in 0..events {
            sleep_until(begun + Duration::from_secs(1) / rate * number as u32).await;
            happens(&making, number as usize);
        }
    });
}

/// Reports a made-up event, and the success of the row that emits the event. The rows take turns.
fn happens(Making { live, made }: &Making, number: usize) {
    let rows: Vec<_> = TABLE.rows.iter().filter(|row| !row.emits.is_empty()).collect();
    let row = rows[number % rows.len()];
    let event = row.emits[number / rows.len() % row.emits.len()].detail_type.to_owned();
    live.record(&Update::Accepted { event, about: format!("order-{number}") });
    let took = Duration::from_micros(1_500);
    live.record(&Update::Succeeded { action: row.action.to_owned(), took });
    made.fetch_add(1, Ordering::Relaxed);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let live = Live::default();
    let making = Making { live: live.clone(), made: Arc::default() };
    let console = Console::new("Made up", Arc::new(NoShop), live, &TABLE, BTreeMap::new())?;
    let making = Router::new().route("/made-up", get(made).post(make)).with_state(making);
    let caller = Caller::with_roles("maria", ROLES.map(|role| role.name));
    let router = Gate::with_local_caller(caller).guard(console.router().merge(making));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    Ok(axum::serve(listener, router).await?)
}
