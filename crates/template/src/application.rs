//! What an application adds to its design table.

use chorus_table::{Partner, Row, Service};
use serde_json::Value;

use crate::constructs::{Resource, Statement};
use crate::{Parameter, names};

/// What a template needs to know of an application beside its table, its functions and its files.
#[derive(Debug, Clone)]
pub struct Application {
    /// What it is, in a sentence: the template's description.
    pub description: &'static str,
    /// What stands above the template, as lines of comment: who prints it, and from what.
    pub preamble: &'static str,
    /// The folder with the definitions of its state machines, from the template's folder. The one of
    /// `CollectPayment` is called `collect-payment.asl.json`.
    pub definitions: &'static str,
    /// The folder of the package that builds a service's function, from the template's folder.
    pub folder: fn(Service) -> String,
    /// The folder of the package that builds the sweeper: the engine's `chorus-aws`.
    pub sweeper: &'static str,
    /// What its events are about, such as `an order`; an alarm's text names what may be stuck.
    pub subject: &'static str,
    /// The rows whose every event needs a person, such as a refund that was refused: an alarm fires on
    /// each of them.
    pub alerts: Vec<&'static str>,
    /// What its HTTP API is for: the description of the output with its address.
    pub api: &'static str,
    /// The partners whose HTTP APIs the bus calls.
    pub partners: Vec<PartnerApi>,
    /// Where the template of the schema registry is, from the template's folder, for an application
    /// that has one: see [`schema_registry`](crate::schema_registry).
    pub schema_registry: Option<&'static str>,
    /// Environment variables of the functions of single services.
    pub variables: Vec<(Service, String, Value)>,
    /// The binaries that the functions of single services are in any stage but prod: with partners that
    /// are simulated where none is named.
    pub simulated: Vec<(Service, &'static str)>,
    /// What the functions of single services may do beside what derives from the table.
    pub grants: Vec<(Service, Statement)>,
    /// What services do with their tables and indexes, where that is known: they are granted it, and
    /// with every other table of theirs whatever an action may do.
    pub access: Vec<TableAccess>,
    /// Resources that stand with no service, each with its logical id.
    pub resources: Vec<(&'static str, Resource)>,
    /// Parameters beside those that every template has.
    pub parameters: Vec<Parameter>,
    /// The parameters without which `Stage=prod` is refused, beside those that every template has.
    pub prod_needs: Vec<&'static str>,
    /// Conditions beside those that every template has.
    pub conditions: Vec<(&'static str, Value)>,
    /// Outputs beside those that every template has.
    pub outputs: Vec<Output>,
}

impl Application {
    /// An application with a folder of functions, one for each service, and nothing but what
    /// derives from its table.
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

/// What a service does with a table of its own, or with an index of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableAccess {
    pub table: &'static str,
    /// The index, where it is not the table itself.
    pub index: Option<&'static str>,
    /// The actions of DynamoDB, such as `dynamodb:GetItem`; none where the service leaves it alone.
    pub actions: &'static [&'static str],
}

/// An output of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub name: &'static str,
    pub description: &'static str,
    pub value: Value,
}

/// The HTTP API of a partner, which the bus calls for the rows that name it.
///
/// A template gets parameters for the address and for the credentials, a connection, an API
/// destination and a role for it; all are named after the partner.
#[derive(Debug, Clone)]
pub struct PartnerApi {
    pub partner: Partner,
    /// What a reader of the template should know: the comment above the partner's resources.
    pub story: String,
    /// Further resources that stand with the partner's.
    pub resources: Vec<(&'static str, Resource)>,
    endpoints: Vec<(&'static str, &'static str)>,
}

impl PartnerApi {
    /// The API of `partner`, without any endpoint yet.
    #[must_use]
    pub fn new(partner: Partner) -> Self {
        let story = format!(
            "{}, a partner: the bus calls its API, and tries again for a day.",
            names::pascal(partner.name)
        );
        Self { partner, story, resources: Vec::new(), endpoints: Vec::new() }
    }

    /// Registers the path, below the partner's base URL, that the rule of the row `R` calls.
    #[must_use]
    pub fn endpoint<R: Row>(mut self, path: &'static str) -> Self {
        self.endpoints.push((R::ACTION, path));
        self
    }

    /// The path that is called for `action`.
    pub(crate) fn path(&self, action: &str) -> Option<&'static str> {
        self.endpoints.iter().find(|(row, _)| *row == action).map(|(_, path)| *path)
    }

    /// The paths of all endpoints, in the order of their declaration.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints.iter().map(|(_, path)| *path)
    }

    /// A parameter, condition or resource of this partner: `CarrierEndpoint` for `Endpoint`.
    pub(crate) fn name(&self, of: &str) -> String {
        names::pascal(self.partner.name) + of
    }

    /// The address that stands for no partner at all.
    pub(crate) fn nowhere(&self) -> String {
        format!("https://{}.example", self.partner.name)
    }
}
