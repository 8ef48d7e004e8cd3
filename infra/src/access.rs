//! The operations that each service uses on its tables. The test tests/flow/grants.rs places orders
//! with every possible end, and compares these operations with the operations that the orders use.

use chorus_template::TableAccess;

const GET: &str = "dynamodb:GetItem";
const GET_SEVERAL: &str = "dynamodb:BatchGetItem";
const QUERY: &str = "dynamodb:Query";
const PUT: &str = "dynamodb:PutItem";
const UPDATE: &str = "dynamodb:UpdateItem";
/// The operation by which a transaction checks a condition on an item that it does not write.
const CHECK: &str = "dynamodb:ConditionCheckItem";

/// Returns, for each table and index, the operations that its service uses.
pub(crate) fn of_tables() -> Vec<TableAccess> {
    let table = |table, actions| TableAccess { table, index: None, actions };
    let index = |table, index, actions| TableAccess { table, index: Some(index), actions };
    vec![
        table("analytics", &[GET, UPDATE]),
        table("carrier-wait", &[GET, GET_SEVERAL, PUT]),
        table("customer", &[GET, GET_SEVERAL, PUT]),
        table("customer-wait", &[GET_SEVERAL, PUT]),
        table("customs", &[GET, PUT]),
        table("delivery", &[GET, GET_SEVERAL, PUT]),
        table("event-log", &[QUERY, PUT]),
        table("fraud", &[GET, PUT]),
        index("fraud", "pending", &[QUERY]),
        table("inventory", &[GET, GET_SEVERAL, PUT, UPDATE, CHECK]),
        index("inventory", "by-name", &[QUERY]),
        table("notification", &[GET, GET_SEVERAL, PUT]),
        table("order", &[GET, GET_SEVERAL, QUERY, PUT]),
        // Only operators read this index, to rebuild projections, so the service's function gets no
        // permission for the index.
        index("order", "by-type", &[]),
        table("order-view", &[QUERY, PUT]),
        index("order-view", "by-status", &[QUERY]),
        table("outbox", &[GET, PUT]),
        table("payment", &[GET, GET_SEVERAL, PUT]),
        table("payment-provider", &[GET, PUT, UPDATE]),
        table("review-wait", &[GET_SEVERAL, PUT]),
    ]
}
