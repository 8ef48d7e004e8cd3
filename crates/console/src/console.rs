//! The console's router.

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
use chorus_http::{Caller, OpenStream, restricted};
use chorus_table::Table;
use serde::Deserialize;
use states::Machine;

use crate::api::ApiAs;
use crate::form::Token;
use crate::live::Topic;
use crate::page::ErrorPage;
use crate::{Live, ShopApi, assets, page, pages};

/// A shop's console, which calls the shop's API on behalf of one caller.
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
    /// A console of the shop behind `api`. `shop` is the shop's title, `table` is its design table,
    /// and `machines` are its state machines by name. The caller of this function has to pass every
    /// update to `live`.
    ///
    /// # Errors
    /// If the operating system provides no random bytes for the token that protects forms.
    pub fn new(
        shop: impl Into<String>,
        api: Arc<dyn ShopApi>,
        live: Live,
        table: &'static Table,
        machines: BTreeMap<&'static str, Arc<Machine>>,
    ) -> Result<Self, getrandom::Error> {
        let (token, shop) = (Token::generate()?, shop.into());
        let inside = Arc::new(Inside { api, live, table, machines, token, shop });
        Ok(Self { inside, caller: Caller::unknown() })
    }

    /// The shop's API, called on behalf of this console's caller.
    pub(crate) fn api(&self) -> ApiAs<'_> {
        ApiAs { api: &*self.inside.api, caller: &self.caller }
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

    /// Rejects a form that was not sent by a page of this console.
    pub(crate) fn check_form(&self, headers: &HeaderMap, token: &str) -> Result<(), ErrorPage> {
        if self.inside.token.admits(headers, token) {
            Ok(())
        } else {
            Err(ErrorPage::foreign_form(self))
        }
    }

    pub(crate) fn shop(&self) -> &str {
        &self.inside.shop
    }

    /// The router of all pages. Their paths begin with `/console`. Only the shop's staff may open
    /// these pages; other callers may only sign in or out.
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

/// Takes the caller from the request's extensions. A layer around the router adds the caller there.
impl FromRequestParts<Console> for Console {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Self) -> Result<Self, Infallible> {
        let caller = Caller::of(&parts.extensions);
        Ok(Self { inside: Arc::clone(&console.inside), caller })
    }
}

/// The query parameters with which a page subscribes to updates.
#[derive(Deserialize)]
struct Followed {
    topic: String,
    order: Option<String>,
    /// The number of updates that the page already contains.
    since: u64,
}

async fn live(
    console: Console,
    Query(Followed { topic, order, since }): Query<Followed>,
    open: OpenStream,
) -> Response {
    let topic = match (topic.as_str(), order) {
        ("map", _) => Topic::Map,
        ("order", Some(order)) => Topic::Order(order),
        _ => Topic::Anything,
    };
    open.hold(console.live().follow(topic, since))
}
