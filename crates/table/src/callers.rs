//! Who may call what the API offers: a column of the design table, and of every route that reads.

use std::fmt;

use crate::Partner;

/// What a caller may act as beside a customer, such as `staff`: a group of the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerRole {
    /// As tokens name it.
    pub name: &'static str,
}

impl CallerRole {
    /// A role that tokens name so.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }
}

/// What customers may call: callers whose token names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customers {
    /// Nothing.
    None,
    /// Only for what is theirs; anything else is answered as if it were not there.
    Own,
    /// For everything, because it is nobody's.
    All,
}

/// Who may call a command, or a route that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Nobody: a row without commands.
    Nobody,
    /// Anyone, without a token.
    Anyone,
    /// A partner, whose signature the route verifies.
    Partner(Partner),
    /// Callers with a token: customers, and those with one of these roles.
    Token {
        /// What customers may call it for.
        customers: Customers,
        /// Whoever has one of these may call it for everything.
        roles: &'static [CallerRole],
    },
}

impl Callers {
    /// Those with one of these roles.
    #[must_use]
    pub const fn with(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::None, roles }
    }

    /// The owning customer, and those with one of these roles.
    #[must_use]
    pub const fn owner_or(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::Own, roles }
    }

    /// Every customer, and those with one of these roles.
    #[must_use]
    pub const fn customers_or(roles: &'static [CallerRole]) -> Self {
        Self::Token { customers: Customers::All, roles }
    }

    /// The roles that may call, whoever the customer is.
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

/// The callers as documents print them: `the owning customer, staff`.
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
