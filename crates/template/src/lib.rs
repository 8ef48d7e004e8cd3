//! An application on AWS, as code. A [`Stack`] consists of a design table, the services' tables and
//! routes, and an [`Application`], which has the parts that do not derive from the table.
//! [`synthesize`] makes a SAM template from the stack, with typed [`constructs`]. [`check`] finds
//! faults in a template that linters do not find.
//!
//! ```
//! use chorus_template::{Application, Stack, check, synthesize};
//!
//! # fn print(table: chorus_table::Table, functions: Vec<chorus_http::HttpFunction>) {
//! let application = Application::new("A help desk whose services answer events with events.");
//! let stack = Stack { table, functions, application, root: ".".into() };
//! let template = synthesize(&stack);
//! assert_eq!(check(&template.document(), &stack), []);
//! println!("{}", template.to_yaml());
//! # }
//! ```
//!
//! The crate depends on no application and no AWS SDK, and deploys nothing.

mod application;
mod check;
pub mod constructs;
mod gatekeeper;
mod import;
pub mod intrinsics;
mod machine;
mod names;
mod retention;
mod schema_registry;
mod stack;
mod template;
mod two_regions;
mod yaml;

pub use application::{Application, Output, PartnerApi, TableAccess};
pub use check::{check, check_beside, check_in_two_regions};
pub use chorus_design::Finding;
pub use gatekeeper::gatekeeper;
pub use import::{ImportError, import};
pub use schema_registry::schema_registry;
pub use stack::{Stack, synthesize};
pub use template::{Parameter, Template};
pub use two_regions::two_regions;
