//! Who calls the shop's API beside its customers, and the callers that several rows and routes have.

use chorus_table::{CallerRole, Callers};

/// Who keeps items, and acts for customers.
pub const STAFF: CallerRole = CallerRole::new("staff");

/// Who decides whether an order of high value is charged.
pub const REVIEWER: CallerRole = CallerRole::new("reviewer");

/// Who sees to it that the shop works.
pub const OPERATOR: CallerRole = CallerRole::new("operator");

/// Every role.
pub const ROLES: [CallerRole; 3] = [STAFF, REVIEWER, OPERATOR];

/// The owning customer, and staff who act for them.
pub const OWNER_OR_STAFF: Callers = Callers::owner_or(&[STAFF]);

/// The same, and those who have to look into it.
pub const OWNER_OR_SHOP: Callers = Callers::owner_or(&ROLES);

pub const ONLY_STAFF: Callers = Callers::with(&[STAFF]);

pub const ONLY_REVIEWERS: Callers = Callers::with(&[REVIEWER]);

pub const ONLY_OPERATORS: Callers = Callers::with(&[OPERATOR]);

/// Whoever works here.
pub const SHOP: Callers = Callers::with(&ROLES);

/// What every customer may see.
pub const EVERY_CUSTOMER_OR_SHOP: Callers = Callers::customers_or(&ROLES);
