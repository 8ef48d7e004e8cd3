//! The roles of callers other than customers, and the sets of callers that several rows and routes
//! allow.

use chorus_table::{CallerRole, Callers};

/// Maintains the items, and acts for customers.
pub const STAFF: CallerRole = CallerRole::new("staff");

/// Decides whether an order of high value is charged.
pub const REVIEWER: CallerRole = CallerRole::new("reviewer");

/// Operates the shop.
pub const OPERATOR: CallerRole = CallerRole::new("operator");

/// The name of a caller on the shop's own machine that sends no token. No person has this name, so
/// a token with it is rejected.
pub const LOCAL: &str = "local";

pub const ROLES: [CallerRole; 3] = [STAFF, REVIEWER, OPERATOR];

/// The owning customer, and staff who act for them.
pub const OWNER_OR_STAFF: Callers = Callers::owner_or(&[STAFF]);

/// The owning customer, and every role.
pub const OWNER_OR_SHOP: Callers = Callers::owner_or(&ROLES);

pub const ONLY_STAFF: Callers = Callers::with(&[STAFF]);

pub const ONLY_REVIEWERS: Callers = Callers::with(&[REVIEWER]);

pub const ONLY_OPERATORS: Callers = Callers::with(&[OPERATOR]);

/// Every role, but no customer.
pub const SHOP: Callers = Callers::with(&ROLES);

/// Any customer, and every role.
pub const EVERY_CUSTOMER_OR_SHOP: Callers = Callers::customers_or(&ROLES);
