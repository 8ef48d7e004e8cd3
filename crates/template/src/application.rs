//! The parts of an application that do not derive from its design table.

use chorus_table::{Partner, Row, Service};
use serde_json::Value;

use crate::constructs::{Resource, Statement};
use crate::{Parameter, names};

/// The settings of an application that do not derive from its table, functions and files.
#[derive(Debug, Clone)]
pub struct Application {
    /// One sentence on what the application is: the template's description.
    pub description: &'static str,
    /// The comment at the top of the template, without `#`. It says which command prints the
    /// template, and from which files.
    pub preamble: &'static str,
    /// The folder with the definitions of the state machines, relative to the template's folder. A
    /// state machine `CollectPayment` is defined in the file `collect-payment.asl.json`.
    pub definitions: &'static str,
    /// The folder of the package that builds a service's function, relative to the template's
    /// folder.
    pub folder: fn(Service) -> String,
    /// The folder of the engine's package `chorus-aws`, which builds the sweeper function.
    pub sweeper: &'static str,
    /// What the application's events are about, such as `an order`. The descriptions of alarms
    /// contain this text.
    pub subject: &'static str,
    /// Rows that consume events on which an operator has to act, such as the refusal of a refund.
    /// An alarm fires on each of these events.
    pub alerts: Vec<&'static str>,
    /// What the HTTP API is for: the description of the template's output `ApiUrl`.
    pub api: &'static str,
    /// The partners whose HTTP APIs the bus calls.
    pub partners: Vec<PartnerApi>,
    /// The path of the schema registry's template, relative to the template's folder; `None` for an
    /// application without a registry. See [`schema_registry`](crate::schema_registry).
    pub schema_registry: Option<&'static str>,
    /// Environment variables of services' functions: the service, the variable's name and its
    /// value.
    pub variables: Vec<(Service, String, Value)>,
    /// Services that have a second binary: the service, and the binary's name. In all stages but
    /// prod, the service's function runs this binary, which simulates a partner if none is
    /// configured.
    pub simulated: Vec<(Service, &'static str)>,
    /// Permissions of services' functions in addition to those that derive from the table: the
    /// service and the IAM statement.
    pub grants: Vec<(Service, Statement)>,
    /// The operations that services use on their tables and indexes. On a table in this list, a
    /// service is granted only these operations. On any other table, the service is granted every
    /// operation that an action may need.
    pub access: Vec<TableAccess>,
    /// Resources that belong to no service, each with its logical id.
    pub resources: Vec<(&'static str, Resource)>,
    /// Parameters in addition to those that every template has.
    pub parameters: Vec<Parameter>,
    /// Parameters that must be set if `Stage=prod`. The endpoints of all partners that are not
    /// optional must also be set, and are not listed here.
    pub prod_needs: Vec<&'static str>,
    /// Conditions in addition to those that every template has, each with its name.
    pub conditions: Vec<(&'static str, Value)>,
    /// Outputs in addition to those that every template has.
    pub outputs: Vec<Output>,
}

impl Application {
    /// Creates an application whose folder `functions` contains a package for each service. The
    /// application has no resources, parameters or outputs beside those that derive from its table.
    #[must_use]
    pub fn new(description: &'static str) -> Self {
        Self {
            description,
            preamble: "",
            definitions: "state-machines",
            folder: |service| format!("functions/{}", service.name),
            sweeper: "crates/aws",
            subject: "something",
            alerts: Vec::new(),
            api: "The HTTP API",
            partners: Vec::new(),
            schema_registry: None,
            variables: Vec::new(),
            simulated: Vec::new(),
            grants: Vec::new(),
            access: Vec::new(),
            resources: Vec::new(),
            parameters: Vec::new(),
            prod_needs: Vec::new(),
            conditions: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

/// The operations that a service uses on one of its tables, or on an index of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableAccess {
    pub table: &'static str,
    /// The name of the index; `None` for the table itself.
    pub index: Option<&'static str>,
    /// Operations of DynamoDB, such as `dynamodb:GetItem`; empty if the service does not use the
    /// table.
    pub actions: &'static [&'static str],
}

/// An output of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub name: &'static str,
    pub description: &'static str,
    pub value: Value,
}

/// The HTTP API of a partner. The bus calls the API for the rows that name the partner.
///
/// For each partner, a template gets parameters for the address and the credentials, a connection,
/// an API destination and its role; all are named after the partner.
#[derive(Debug, Clone)]
pub struct PartnerApi {
    pub partner: Partner,
    /// The comment above the partner's resources in the template.
    pub story: String,
    /// Further resources in the partner's section of the template.
    pub resources: Vec<(&'static str, Resource)>,
    endpoints: Vec<(&'static str, &'static str)>,
}

impl PartnerApi {
    /// The API of `partner`, without any endpoint.
    #[must_use]
    pub fn new(partner: Partner) -> Self {
        let story = format!(
            "{}, a partner: the bus calls its API, and tries again for a day.",
            names::pascal(partner.name)
        );
        Self { partner, story, resources: Vec::new(), endpoints: Vec::new() }
    }

    /// Registers the path, relative to the partner's base URL, that the rule of the row `R` calls.
    #[must_use]
    pub fn endpoint<R: Row>(mut self, path: &'static str) -> Self {
        self.endpoints.push((R::ACTION, path));
        self
    }

    /// The path that the rule of `action` calls.
    pub(crate) fn path(&self, action: &str) -> Option<&'static str> {
        self.endpoints.iter().find(|(row, _)| *row == action).map(|(_, path)| *path)
    }

    /// The paths of all endpoints, in the order of their declaration.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints.iter().map(|(_, path)| *path)
    }

    /// The name of a parameter, condition or resource of this partner: `CarrierEndpoint` for
    /// `Endpoint`.
    pub(crate) fn name(&self, of: &str) -> String {
        names::pascal(self.partner.name) + of
    }

    /// The default value of the parameter for the partner's address. This value means that the
    /// partner is not configured.
    pub(crate) fn placeholder_endpoint(&self) -> String {
        format!("https://{}.example", self.partner.name)
    }
}
