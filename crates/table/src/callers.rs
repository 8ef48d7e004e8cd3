//! Which callers may send a command of the design table, or call an API route that only reads data.

use std::fmt;

use crate::Partner;

/// A role of a caller, such as `staff`: a group in the identity provider. A caller without a role
/// is a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerRole {
    /// The role's name in a token's claim, such as `staff`.
    pub name: &'static str,
}

impl CallerRole {
    /// Creates a role that has this name in tokens.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }
}

/// Whether customers may send a command or call a route, and on whose resources they may act. A
/// customer is a caller whose token names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customers {
    /// Customers may neither send the command nor call the route.
    None,
    /// Customers may act only on their own resources. A request for another customer's resource
    /// gets the same response as a request for a resource that does not exist.
    Own,
    /// Every customer may send the command or call the route, because the data belongs to no
    /// customer.
    All,
}

/// The callers that may send a command, or call a route that only reads data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// No caller, because the row of the design table has no commands.
    Nobody,
    /// Anyone, without a token.
    Anyone,
    /// Only this partner; the route verifies the partner's signature.
    Partner(Partner),
    /// Callers with a token: customers, and callers with a role.
    Token {
        /// What customers may do with the command or route.
        customers: Customers,
        /// Callers with one of these roles may act on the resources of every customer.
        roles: &'static [CallerRole],
    },
}

impl Callers {
    /// Admits only callers with one of these roles.
    #[must_use]
    pub const fn with(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::None, roles }
    }

    /// Admits the customer to whom the resource belongs, and callers with one of these roles.
    #[must_use]
    pub const fn owner_or(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::Own, roles }
    }

    /// Admits every customer, and callers with one of these roles.
    #[must_use]
    pub const fn customers_or(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::All, roles }
    }

    /// The roles that may act on every customer's resources. The list is empty for all variants
    /// except [`Callers::Token`].
    #[must_use]
    pub const fn roles(&self) -> &'static [CallerRole] {
        match self {
            Self::Token { roles, .. } => roles,
            Self::Nobody | Self::Anyone | Self::Partner(_) => &[],
        }
    }

    /// Whether a caller has to present a token.
    #[must_use]
    pub const fn need_token(&self) -> bool {
        matches!(self, Self::Token { .. } | Self::Nobody)
    }
}

/// Prints the callers as the documents do, such as `the owning customer, staff`.
impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (customers, roles) = match self {
            Self::Nobody => return f.write_str("nobody"),
            Self::Anyone => return f.write_str("anyone, without a token"),
            Self::Partner(partner) => return write!(f, "the {}, by its signature", partner.name),
            Self::Token { customers, roles } => (customers, roles),
        };
        let customers = match customers {
            Customers::None => None,
            Customers::Own => Some("the owning customer"),
            Customers::All => Some("every customer"),
        };
        let named = customers.into_iter().chain(roles.iter().map(|role| role.name));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}
