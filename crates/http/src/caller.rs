//! Callers, and what they may do.

use std::collections::BTreeSet;

use chorus_table::{CallerRole, Callers, Customers};

use crate::{Problem, Route};

/// The caller of a request: unknown, a customer, or a person with roles. An adapter takes the
/// caller from a verified token, never from a body.
///
/// A caller with a role is not a customer: a reviewer called `ana` does not own what belongs to the
/// customer `ana`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    name: Option<String>,
    roles: BTreeSet<String>,
}

impl Caller {
    /// A caller without a token.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { name: None, roles: BTreeSet::new() }
    }

    /// The customer with this id.
    #[must_use]
    pub fn customer(id: impl Into<String>) -> Self {
        Self { name: Some(id.into()), roles: BTreeSet::new() }
    }

    /// A caller with this name and these roles; without roles, a customer.
    #[must_use]
    pub fn with_roles<R: Into<String>>(
        name: impl Into<String>,
        roles: impl IntoIterator<Item = R>,
    ) -> Self {
        Self { name: Some(name.into()), roles: roles.into_iter().map(Into::into).collect() }
    }

    /// A caller who is trusted without a token, and has every role that any of `routes` admits.
    #[must_use]
    pub fn trusted(name: impl Into<String>, routes: &[Route]) -> Self {
        let roles = routes.iter().flat_map(|route| route.callers.roles());
        Self::with_roles(name, roles.map(|role| role.name))
    }

    /// The name in the caller's token. The name is stored with each action of the caller.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The names of the caller's roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    #[must_use]
    pub fn has(&self, role: CallerRole) -> bool {
        self.roles.contains(role.name)
    }
}

/// The data on which an admitted caller may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    Everything,
    /// The caller may act only on data that belongs to this customer.
    OnlyOf(String),
}

/// Whether `caller` is one of `callers`, and on whose data the caller may act.
///
/// # Errors
/// 401 if a token is needed and the caller has none; 403 if the caller is not one of `callers`.
pub fn admit(callers: &Callers, caller: &Caller) -> Result<Admitted, Problem> {
    let customers = match callers {
        Callers::Anyone | Callers::Partner(_) => return Ok(Admitted::Everything),
        Callers::Nobody => Customers::None,
        Callers::Token { customers, .. } => *customers,
    };
    let Some(name) = caller.name() else {
        return Err(Problem::new(
            401,
            "unauthorized",
            "this request needs a token: Authorization: Bearer …",
        ));
    };
    if callers.roles().iter().any(|role| caller.has(*role)) {
        return Ok(Admitted::Everything);
    }
    match customers {
        Customers::Own if caller.roles.is_empty() => Ok(Admitted::OnlyOf(name.to_owned())),
        Customers::All if caller.roles.is_empty() => Ok(Admitted::Everything),
        _ => Err(Problem::new(
            403,
            "forbidden",
            format!("only these callers may do this: {callers}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAFF: CallerRole = CallerRole::new("staff");

    fn status(callers: Callers, caller: &Caller) -> u16 {
        admit(&callers, caller).map_or_else(|problem| problem.status, |_| 200)
    }

    #[test]
    fn a_customer_goes_as_far_as_what_is_theirs() {
        let ana = Caller::customer("ana");
        let admitted = admit(&Callers::owner_or(&[STAFF]), &ana).unwrap();
        assert_eq!(admitted, Admitted::OnlyOf("ana".to_owned()));
        assert_eq!(status(Callers::with(&[STAFF]), &ana), 403);
        assert_eq!(admit(&Callers::customers_or(&[STAFF]), &ana).unwrap(), Admitted::Everything);
    }

    #[test]
    fn somebody_with_another_role_owns_nothing_under_their_name() {
        let ana = Caller::with_roles("ana", ["reviewer"]);
        assert_eq!(status(Callers::owner_or(&[STAFF]), &ana), 403);
        assert_eq!(status(Callers::customers_or(&[STAFF]), &ana), 403);
    }

    #[test]
    fn without_a_token_only_what_is_open_or_signed_is_answered() {
        let partner = chorus_table::Partner {
            name: "carrier",
            source: "com.logistics",
            body: chorus_table::CallBody::Detail,
        };
        for (callers, wanted) in [
            (Callers::Anyone, 200),
            (Callers::Partner(partner), 200),
            (Callers::Nobody, 401),
            (Callers::with(&[STAFF]), 401),
            (Callers::customers_or(&[]), 401),
        ] {
            assert_eq!(status(callers, &Caller::unknown()), wanted, "{callers}");
        }
        let staff = Caller::with_roles("maria", ["staff"]);
        assert_eq!(status(Callers::Nobody, &staff), 403);
        assert_eq!(status(Callers::with(&[STAFF]), &staff), 200);
    }
}
