//! The routes of the Customer service.

use async_trait::async_trait;
use chorus_events::CustomerId;
use chorus_events::callers::OWNER_OR_SHOP;
use chorus_events::customer::CustomerUpdated;
use chorus_events::table::rows;
use chorus_http::{
    Endpoint, Method, Parameter, Problem, Request, Response, Route, personal_command,
};
use chorus_kernel::{Kernel, Versioned};

use crate::Customer;
use crate::details::{CustomerDetails, OpenCustomer};
use crate::put_customer::PutCustomer;

/// `PUT /customers/{id}`.
pub(crate) fn put_customer() -> Route {
    Route::of::<rows::PutCustomer>(Method::PUT, "/customers/{id}", Put)
        .summary("Store a customer: their name, email address, and whether they may order", 200)
        .creates()
        .takes(CustomerDetails::example)
        .answers::<OpenCustomer>()
        .parameters(&[Parameter::KEY])
}

/// `GET /customers/{id}`.
pub(crate) fn get_customer() -> Route {
    Route::read("/customers/{id}", OWNER_OR_SHOP, Get)
        .summary("A customer", 200)
        .answers::<OpenCustomer>()
}

struct Put;

#[async_trait]
impl Endpoint for Put {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let customer_id: CustomerId = request.parameter("id")?;
        let details: CustomerDetails = request.json()?;
        if details.blocked.is_some() && request.customer.is_some() {
            return Err(Problem::field(403, "/blocked", "may be set by staff only"));
        }
        details.check()?;
        request.owned_by(customer_id.as_str())?;
        let sealing = kernel.people().key_for(customer_id.as_str()).await?;
        let details = details.command(customer_id, sealing);
        let message = personal_command(kernel, request, &details, sealing)?;
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
        let id: CustomerId = request.parameter("id")?;
        // The customer id is checked before the store is read, so that the response time does not
        // reveal to other customers which ids exist.
        request.owned_by(id.as_str())?;
        show(kernel, &id).await
    }
}

async fn show(kernel: &Kernel, id: &CustomerId) -> Result<Response, Problem> {
    let found = kernel.find::<Customer>(id).await?;
    let missing = || Problem::new(404, "not-found", format!("no customer has the id {id}"));
    let Versioned { version, value: customer } = found.ok_or_else(missing)?;
    let people = kernel.people();
    let opened = people.open(id.as_str(), |opener| OpenCustomer::of(&customer, opener)).await?;
    let opened = opened.ok_or_else(missing)?;
    let response = Response::json(200, serde_json::json!(opened)).version(version);
    Ok(response.of(customer.customer_id))
}
