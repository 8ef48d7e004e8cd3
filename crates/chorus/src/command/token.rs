//! `chorus token`: prints a bearer token for the API.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use chorus_aws_operator::Operator;
use chorus_events::CustomerId;
use chorus_events::callers::{OPERATOR, REVIEWER, STAFF};
use chorus_http::TokenKey;
use chorus_shop::TokenRequest;
use clap::Args;
use serde_json::Value;

use crate::client::ApiRequest;
use crate::location::ShopLocation;
use crate::screen::line;
use crate::stack::Stack;

/// Print a token for the API: a customer's, staff's, a reviewer's or an operator's
///
/// Print only the token. Send it in the header `Authorization: Bearer …`, or set the variable
/// CHORUS_TOKEN, which the other commands read. The token is valid for twelve hours. With --stack,
/// the token belongs to a user of the stack's user pool, and is valid for one hour; the variable
/// CHORUS_PASSWORD must be the user's password.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    who: Who,
    /// Create the user first, with the password in CHORUS_PASSWORD; only with --stack
    #[arg(long, requires = "stack")]
    create: bool,
    #[command(flatten)]
    shop: ShopLocation,
    #[command(flatten)]
    stack: Stack,
}

/// The caller that the token names
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// A customer with this id
    #[arg(long, value_name = "ID")]
    customer: Option<CustomerId>,
    /// A member of staff, who maintains items and acts for customers
    #[arg(long)]
    staff: bool,
    /// A reviewer with this name
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
    /// An operator with this name
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
}

impl Who {
    /// Returns the name and the role of the caller that the token is for. A customer has no role.
    fn asked(&self) -> TokenRequest {
        let Self { customer, reviewer, operator, .. } = self;
        let (name, role) = match (customer, reviewer, operator) {
            (Some(customer), ..) => (customer.as_str(), None),
            (_, Some(name), _) => (name.as_str(), Some(REVIEWER)),
            (.., Some(name)) => (name.as_str(), Some(OPERATOR)),
            _ => (STAFF.name, Some(STAFF)),
        };
        TokenRequest { name: name.to_owned(), role: role.map(|role| role.name.to_owned()) }
    }
}

pub(crate) async fn run(token: &Token) -> anyhow::Result<ExitCode> {
    let asked = token.who.asked();
    asked.check()?;
    if let Some(operator) = token.stack.operator() {
        line!("{}", of_user_pool(&operator, &asked, token.create).await?);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(data) = token.shop.directory() else {
        let ask = ApiRequest::post("/operator/tokens", serde_json::to_value(&asked)?);
        let answer: Value = token.shop.client()?.ask(ask).await?;
        line!("{}", answer["token"].as_str().context("the shop's response has no token")?);
        return Ok(ExitCode::SUCCESS);
    };
    let there = data.display();
    ensure!(
        chorus_local::holds_engine(data),
        "there is no shop in {there}: `chorus up --data {there}` creates one"
    );
    let key = TokenKey::in_directory(data);
    let key = key.with_context(|| {
        format!("the shop in {there} has no key for tokens: `chorus up` creates one")
    })?;
    line!("{}", key.mint(&asked.caller())?);
    Ok(ExitCode::SUCCESS)
}

/// The variable with the password of a user of the pool. The password is not an option, because
/// other users of the machine can see a command's arguments.
const PASSWORD: &str = "CHORUS_PASSWORD";

/// Gets a token from the stack's user pool. Fails if the user does not have the requested role, or
/// if a customer's token is requested and the user has a role.
async fn of_user_pool(
    operator: &Operator,
    TokenRequest { name, role }: &TokenRequest,
    create: bool,
) -> anyhow::Result<String> {
    let password = std::env::var(PASSWORD).ok().filter(|password| !password.is_empty());
    let password = password
        .with_context(|| format!("{PASSWORD} is not set: it must be the password of {name}"))?;
    let pool = operator.user_pool().await?;
    if create {
        pool.create(name, &password, role.as_deref()).await?;
    }
    let groups = pool.groups(name).await?;
    match role {
        Some(role) => ensure!(
            groups.contains(role),
            "the user {name} is not in the group {role} of the user pool"
        ),
        None => ensure!(
            groups.is_empty(),
            "a customer must not be in a group of the user pool, but {name} is: use --staff, --reviewer or --operator"
        ),
    }
    Ok(pool.token(name, &password).await?)
}
