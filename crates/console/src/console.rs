//! The console as a router.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use chorus_events::callers::SHOP;
use chorus_http::{Caller, restricted};
use chorus_table::Table;
use serde::Deserialize;
use states::Machine;

use crate::api::Asked;
use crate::form::Token;
use crate::live::Topic;
use crate::page::NoPage;
use crate::{Live, ShopApi, assets, page, pages};

/// A console of a shop for one caller: it calls the shop's API as that caller.
#[derive(Clone)]
pub struct Console {
    inside: Arc<Inside>,
    caller: Caller,
}

struct Inside {
    api: Arc<dyn ShopApi>,
    live: Live,
    table: &'static Table,
    machines: BTreeMap<&'static str, Arc<Machine>>,
    token: Token,
    shop: String,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("shop", &self.inside.shop).finish_non_exhaustive()
    }
}

impl Console {
    /// A console of the shop behind `api`, which runs `table` and `machines` (by name). `shop` is its
    /// title; `live` has to be given everything that happens.
    ///
    /// # Errors
    /// Where the operating system's random generator fails: the forms need a token.
    pub fn new(
        shop: impl Into<String>,
        api: Arc<dyn ShopApi>,
        live: Live,
        table: &'static Table,
        machines: BTreeMap<&'static str, Arc<Machine>>,
    ) -> Result<Self, getrandom::Error> {
        let (token, shop) = (Token::fresh()?, shop.into());
        let inside = Arc::new(Inside { api, live, table, machines, token, shop });
        Ok(Self { inside, caller: Caller::unknown() })
    }

    /// The shop, asked as the caller.
    pub(crate) fn api(&self) -> Asked<'_> {
        Asked { api: &*self.inside.api, caller: &self.caller }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.inside.live
    }

    pub(crate) fn table(&self) -> &'static Table {
        self.inside.table
    }

    pub(crate) fn machine(&self, name: &str) -> Option<&Machine> {
        self.inside.machines.get(name).map(|machine| &**machine)
    }

    pub(crate) fn token(&self) -> &Token {
        &self.inside.token
    }

    /// Refuses a form that no page of this console sent.
    pub(crate) fn takes(&self, headers: &HeaderMap, token: &str) -> Result<(), NoPage> {
        if self.inside.token.admits(headers, token) { Ok(()) } else { Err(NoPage::foreign(self)) }
    }

    pub(crate) fn shop(&self) -> &str {
        &self.inside.shop
    }

    /// Its pages, all below `/console`, for whoever works at the shop; others may sign in.
    pub fn router(&self) -> Router {
        let pages = Router::new()
            .route("/console", get(pages::flow::flow))
            .route("/console/events/{event}", get(pages::flow::event))
            .route("/console/orders", get(pages::orders::orders).post(pages::try_it::place))
            .route("/console/orders/{order}", get(pages::order::order))
            .route("/console/work", get(pages::work::work))
            .route("/console/reviews/{order}", post(pages::work::decide))
            .route("/console/dead-letters", post(pages::work::redrive))
            .route("/console/refunds/{order}", post(pages::work::retry_refund))
            .route("/console/books", get(pages::books::books))
            .route("/console/try", get(pages::try_it::page))
            .route("/console/items", post(pages::try_it::put_item))
            .route("/console/machines/{machine}", get(pages::order::machine))
            .route("/console/live", get(live));
        let pages = restricted(pages.with_state(self.clone()), SHOP)
            .layer(map_response(pages::session::asked_to_sign_in));
        let open = Router::new()
            .route("/console/sign-in", get(pages::session::page).post(pages::session::sign_in))
            .route("/console/sign-out", post(pages::session::sign_out))
            .route("/console/console.css", get(assets::style))
            .route("/console/console.js", get(assets::script))
            .with_state(self.clone());
        pages.merge(open).layer(map_response(page::guarded))
    }
}

/// Whoever opened the page is known from what stands in front of the router.
impl FromRequestParts<Console> for Console {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Self) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        Ok(Self { inside: Arc::clone(&console.inside), caller })
    }
}

/// Query of the event stream: which updates the page subscribes to.
#[derive(Deserialize)]
struct Followed {
    topic: String,
    order: Option<String>,
    /// How much had happened when the page was made.
    since: u64,
}

async fn live(
    console: Console,
    Query(Followed { topic, order, since }): Query<Followed>,
) -> Response {
    let topic = match (topic.as_str(), order) {
        ("map", _) => Topic::Map,
        ("order", Some(order)) => Topic::Order(order),
        _ => Topic::Anything,
    };
    console.live().follow(topic, since)
}
