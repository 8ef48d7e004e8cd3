//! The shop on AWS: the parts of its CloudFormation template that do not derive from the design
//! table.
//!
//! ```
//! use chorus_template::{check, synthesize};
//!
//! let stack = chorus_infra::shop("..");
//! let template = synthesize(&stack);
//! assert!(template.to_yaml().starts_with("# "));
//! assert_eq!(check(&template.document(), &stack), []);
//! ```

mod access;
mod callers;
mod carrier;
mod derived;
mod front_end;
mod functions;
mod mail;
mod order_ids;
mod payment;
mod settings;
mod stack_secret;

use std::path::PathBuf;

use chorus_events::services;
use chorus_events::table::{TABLE, rows};
use chorus_table::Row;
use chorus_template::{Application, Stack};

use stack_secret::StackSecret;

pub use callers::{security_page, who_may_call};
pub use derived::{
    NotWritten, carrier_contract, printed, prove_contract, prove_design, prove_template,
    publish_contract, write_design, write_template,
};

/// The comment at the top of the template.
const PREAMBLE: &str = "\
Printed by `cargo run -- synth` from the design table (events/src/table.rs), the services' tables
and routes, and the stack in infra/. Change those, not this file: a test compares it with them.";

/// The secrets in the stack that functions read at run time.
const SECRETS: [StackSecret; 3] =
    [carrier::STORED_WEBHOOK_SECRET, front_end::SIGNING_SECRET, order_ids::SECRET];

/// The path of the schema registry's template.
const SCHEMA_REGISTRY: &str = "infra/schema-registry.yaml";

/// The path of the template of the enterprise's bus, which is in another AWS account.
const GATEKEEPER: &str = "infra/gatekeeper/template.yaml";

/// The path of the template for two regions.
const TWO_REGIONS: &str = "infra/two-regions/template.yaml";

/// Returns the shop's stack; `root` is the root of the repository.
#[must_use]
pub fn shop(root: impl Into<PathBuf>) -> Stack {
    Stack {
        table: TABLE,
        functions: functions::all(),
        application: application(),
        root: root.into(),
    }
}

/// Returns the shop's stack for the template of two regions. The templates for one region and for
/// two regions are in different folders, so the relative paths in them differ.
#[must_use]
pub fn shop_in_two_regions(root: impl Into<PathBuf>) -> Stack {
    let one = shop(root);
    let application = Application {
        definitions: "../state-machines",
        folder: |service| format!("../../functions/{}", service.name),
        sweeper: "../../crates/aws",
        schema_registry: Some("../schema-registry.yaml"),
        ..one.application
    };
    let root = one.root.join("infra/two-regions");
    Stack { application, root, ..one }
}

fn application() -> Application {
    let description = "Chorus: an order backend whose services answer events with events.";
    Application {
        preamble: PREAMBLE,
        definitions: "infra/state-machines",
        subject: "an order",
        alerts: vec![rows::AlertOperator::ACTION, rows::ReportOutage::ACTION],
        api: "Where orders are placed",
        partners: vec![carrier::api(), front_end::api()],
        schema_registry: Some(SCHEMA_REGISTRY),
        variables: [
            SECRETS.map(|secret| secret.variable()).into(),
            mail::variables(),
            payment::variables(),
            settings::variables(),
        ]
        .concat(),
        simulated: vec![
            (services::PAYMENT, "payment-simulated"),
            (services::NOTIFICATION, "notification-simulated"),
        ],
        grants: [&SECRETS.map(|secret| secret.grant())[..], &[mail::grant(), payment::grant()]]
            .concat(),
        access: access::of_tables(),
        resources: vec![order_ids::resource()],
        parameters: [
            vec![carrier::webhook_parameter()],
            mail::parameters(),
            payment::parameters(),
            settings::parameters(),
        ]
        .concat(),
        prod_needs: [&mail::PARAMETERS[..], &payment::PARAMETERS, &["AlarmTopicArn"]].concat(),
        conditions: vec![carrier::webhook_condition()],
        outputs: vec![carrier::webhook_output(), front_end::secret_output()],
        ..Application::new(description)
    }
}
