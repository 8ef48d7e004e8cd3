//! The stack's user pool: its users, and the tokens with which they call the API.

use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, MessageActionType};

use crate::{Operator, OperatorError, send};

/// How many entries Cognito lists in one page at most.
const PAGE: i32 = 60;

/// A user pool, with the app client that requests tokens from it.
#[derive(Debug)]
pub struct UserPool<'a> {
    operator: &'a Operator,
    id: String,
    client: String,
}

impl Operator {
    /// The user pool that the stack has created.
    ///
    /// # Errors
    /// If AWS refuses, or if the stack has no user pool because another issuer provides the tokens.
    pub async fn user_pool(&self) -> Result<UserPool<'_>, OperatorError> {
        let id = self.pool_id().await?.ok_or_else(|| self.missing("user pool"))?;
        let name = format!("{}-api", self.stack);
        let listed = self.users.list_user_pool_clients().user_pool_id(&id).max_results(PAGE);
        let listed = send!(listed);
        let mut clients = listed.user_pool_clients().iter();
        let client = clients.find(|client| client.client_name() == Some(&name));
        let client = client.and_then(|client| client.client_id()).map(ToOwned::to_owned);
        let client = client.ok_or_else(|| self.missing("client of the user pool"))?;
        Ok(UserPool { operator: self, id, client })
    }

    async fn pool_id(&self) -> Result<Option<String>, OperatorError> {
        let (name, mut next) = (format!("{}-callers", self.stack), None);
        loop {
            let page = send!(self.users.list_user_pools().max_results(PAGE).set_next_token(next));
            let found = page.user_pools().iter().find(|pool| pool.name() == Some(&name));
            if let Some(id) = found.and_then(|pool| pool.id()) {
                return Ok(Some(id.to_owned()));
            }
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(None);
            }
        }
    }
}

impl UserPool<'_> {
    /// Creates a user with this password. Adds the user to `group`, if a group is given.
    ///
    /// # Errors
    /// If AWS refuses, for example because the user exists already, or the password is too weak.
    pub async fn create(
        &self,
        name: &str,
        password: &str,
        group: Option<&str>,
    ) -> Result<(), OperatorError> {
        let users = &self.operator.users;
        let user = users.admin_create_user().user_pool_id(&self.id).username(name);
        send!(user.message_action(MessageActionType::Suppress));
        let user = users.admin_set_user_password().user_pool_id(&self.id).username(name);
        send!(user.password(password).permanent(true));
        if let Some(group) = group {
            let user = users.admin_add_user_to_group().user_pool_id(&self.id).username(name);
            send!(user.group_name(group));
        }
        Ok(())
    }

    /// The groups of a user.
    ///
    /// # Errors
    /// If AWS refuses, or there is no such user.
    pub async fn groups(&self, name: &str) -> Result<Vec<String>, OperatorError> {
        let users = &self.operator.users;
        let listed = users.admin_list_groups_for_user().user_pool_id(&self.id).username(name);
        let groups = send!(listed).groups.unwrap_or_default();
        Ok(groups.into_iter().filter_map(|group| group.group_name).collect())
    }

    /// An access token of a user.
    ///
    /// # Errors
    /// If AWS refuses, for example because there is no such user, or because the password is wrong.
    pub async fn token(&self, name: &str, password: &str) -> Result<String, OperatorError> {
        let asked = self.operator.users.admin_initiate_auth();
        let asked = asked.user_pool_id(&self.id).client_id(&self.client);
        let asked = asked.auth_flow(AuthFlowType::AdminUserPasswordAuth);
        let asked = asked.auth_parameters("USERNAME", name).auth_parameters("PASSWORD", password);
        let answer = send!(asked);
        let token = answer.authentication_result().and_then(|result| result.access_token());
        let missing = || self.operator.missing(format!("token of {name}"));
        token.map(ToOwned::to_owned).ok_or_else(missing)
    }
}
