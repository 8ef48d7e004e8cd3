//! Reads AWS CloudFormation and SAM templates, in YAML or JSON, as JSON with every intrinsic
//! function in its long form. Resolves the functions as far as possible without an AWS account.
//!
//! ```
//! use cloudformation_template::{Resolver, Template};
//!
//! let template = Template::parse("
//! Parameters:
//!   Stage: {Type: String, Default: test}
//! Resources:
//!   Bus:
//!     Type: AWS::Events::EventBus
//!     Properties: {Name: !Sub 'orders-${Stage}'}
//! ")?;
//! let bus = template.resource("Bus").expect("the resource is there");
//! assert_eq!(bus.properties["Name"], serde_json::json!({"Fn::Sub": "orders-${Stage}"}));
//! assert_eq!(Resolver::new(&template).resolve(bus.properties).value["Name"], "orders-test");
//! # Ok::<(), cloudformation_template::TemplateError>(())
//! ```

#![warn(missing_docs)]

mod error;
mod indentation;
mod loops;
mod place;
mod resolve;
mod rules;
mod scalar;
mod template;
mod yaml;

pub use error::{TemplateError, TemplateFault};
pub use place::Location;
pub use resolve::{Resolved, Resolver, StandIn};
pub use rules::{Rule, Target, TargetInput, event_rules};
pub use template::{Resource, Template};

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
