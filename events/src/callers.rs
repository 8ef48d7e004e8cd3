//! The roles of callers other than customers, and the sets of callers that several routes and rows
//! of the design table allow.

use chorus_table::{CallerRole, Callers};

/// The role of employees who maintain the items for sale, and act on behalf of customers.
pub const STAFF: CallerRole = CallerRole::new("staff");

/// The role of employees who decide whether an order of high value is charged.
pub const REVIEWER: CallerRole = CallerRole::new("reviewer");

/// The role of employees who operate the shop.
pub const OPERATOR: CallerRole = CallerRole::new("operator");

/// The name of a caller who needs no token, because the request comes from the machine that runs
/// the shop. No token is issued to this name.
pub const LOCAL: &str = "local";

pub const ROLES: [CallerRole; 3] = [STAFF, REVIEWER, OPERATOR];

/// The customer to whom the requested resource belongs, and staff.
pub const OWNER_OR_STAFF: Callers = Callers::owner_or(&[STAFF]);

/// The customer to whom the requested resource belongs, and callers with any role.
pub const OWNER_OR_SHOP: Callers = Callers::owner_or(&ROLES);

pub const ONLY_STAFF: Callers = Callers::with(&[STAFF]);

pub const ONLY_REVIEWERS: Callers = Callers::with(&[REVIEWER]);

pub const ONLY_OPERATORS: Callers = Callers::with(&[OPERATOR]);

/// Callers with any role, but no customers.
pub const SHOP: Callers = Callers::with(&ROLES);

/// Any customer, and callers with any role.
pub const EVERY_CUSTOMER_OR_SHOP: Callers = Callers::customers_or(&ROLES);
