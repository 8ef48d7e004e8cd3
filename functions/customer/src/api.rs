//! The routes of the Customer service.

use async_trait::async_trait;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::commands::PutCustomer as Command;
use chorus_events::customer::CustomerUpdated;
use chorus_events::table::rows;
use chorus_events::{CustomerId, PLAIN_TEXT};
use chorus_http::{Endpoint, Method, Parameter, Problem, Request, Response, Route, command};
use chorus_kernel::{Kernel, Versioned};
use chorus_table::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Customer;
use crate::put_customer::{MAX_EMAIL, MAX_NAME, PutCustomer};

/// What no address lacks, as a regular expression.
const EMAIL: &str = r"^[^@\s\x00-\x1F\x7F-\x9F]+@[^@\s\x00-\x1F\x7F-\x9F]+$";

/// What a caller says of a customer; their path names them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CustomerDetails {
    /// What they are called.
    #[schemars(length(min = 1, max = MAX_NAME), regex(pattern = PLAIN_TEXT))]
    name: String,
    /// Where emails reach them.
    #[schemars(length(max = MAX_EMAIL), regex(pattern = EMAIL))]
    email: String,
    /// Whether they may not order; by default not. It is not for the customer to say: by default, it
    /// stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
}

impl CustomerDetails {
    fn example() -> Self {
        let Command { name, email, .. } = Command::sample();
        Self { name, email, blocked: None }
    }
}

/// `PUT /customers/{id}`.
pub(crate) fn put_customer() -> Route {
    Route::of::<rows::PutCustomer>(Method::PUT, "/customers/{id}", Put)
        .summary("Keep a customer: their name, their address, and whether they may order", 200)
        .creates()
        .takes(CustomerDetails::example)
        .answers::<Customer>()
        .parameters(&[Parameter::KEY])
}

/// `GET /customers/{id}`.
pub(crate) fn get_customer() -> Route {
    Route::read("/customers/{id}", OWNER_OR_SHOP, Get)
        .summary("A customer", 200)
        .answers::<Customer>()
}

struct Put;

#[async_trait]
impl Endpoint for Put {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let customer_id: CustomerId = request.parameter("id")?;
        let CustomerDetails { name, email, blocked } = request.json()?;
        if blocked.is_some() && request.customer.is_some() {
            return Err(Problem::field(403, "/blocked", "is for staff to say"));
        }
        let blocked = blocked.unwrap_or_default();
        let details = Command { customer_id, name, email, blocked };
        let message = command(kernel, request, &details)?;
        let answered = kernel.run(&PutCustomer, &message).await?;
        let response = show(kernel, &details.customer_id).await?;
        match answered.event::<CustomerUpdated>()? {
            Some(first) if first.revision == 1 => {
                let place = format!("/customers/{}", details.customer_id);
                Ok(Response { status: 201, ..response }.with_header("location", place))
            }
            _ => Ok(response),
        }
    }
}

struct Get;

#[async_trait]
impl Endpoint for Get {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        show(kernel, &request.parameter("id")?).await
    }
}

async fn show(kernel: &Kernel, id: &CustomerId) -> Result<Response, Problem> {
    let found = kernel.find::<Customer>(id).await?;
    let missing = || Problem::new(404, "not-found", format!("no customer is called {id}"));
    let Versioned { version, value: customer } = found.ok_or_else(missing)?;
    let response = Response::json(200, serde_json::json!(customer)).version(version);
    Ok(response.of(customer.customer_id))
}
