//! Maps the logical names of the services' tables to the physical names of tables on AWS.

use std::collections::HashMap;

use chorus_kernel::StoreError;

/// The prefix of the environment variables that hold the physical names of tables.
const PREFIX: &str = "TABLE_";

/// The physical names of the tables that a function may use, by their logical names.
#[derive(Debug, Clone, Default)]
pub struct Tables(HashMap<String, String>);

impl Tables {
    /// The tables that the environment names: the variable `TABLE_EVENT_LOG` holds the physical
    /// name of the table `event-log`.
    #[must_use]
    pub fn from_env() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// The physical name of the table `logical`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if no environment variable names the table. A Lambda function gets
    /// such variables only for the tables that it may use.
    pub fn physical(&self, logical: &str) -> Result<&str, StoreError> {
        let unnamed = || {
            let variable = logical.to_uppercase().replace('-', "_");
            StoreError::Invalid(format!(
                "{PREFIX}{variable} must be set to the physical name of the table {logical}"
            ))
        };
        self.0.get(logical).map(String::as_str).ok_or_else(unnamed)
    }
}

/// Reads environment variables. Variables that name no table are ignored.
impl FromIterator<(String, String)> for Tables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let named = |(variable, physical): (String, String)| {
            let logical = variable.strip_prefix(PREFIX)?.to_lowercase().replace('_', "-");
            (!physical.is_empty()).then_some((logical, physical))
        };
        Self(variables.into_iter().filter_map(named).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_table_and_a_missing_one_is_named() {
        let variables =
            [("TABLE_EVENT_LOG", "shop-EventLog-1X"), ("TABLE_ORDER", ""), ("HOME", "/")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let tables: Tables = variables.into_iter().collect();
        assert_eq!(tables.physical("event-log").unwrap(), "shop-EventLog-1X");
        let refused = tables.physical("order").unwrap_err().to_string();
        assert!(refused.contains("TABLE_ORDER must be set"), "{refused}");
    }
}
