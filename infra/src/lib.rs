//! The shop on AWS, as code: constructs, and a stack that takes the design table, the services'
//! tables and their routes, and prints `template.yaml`.
//!
//! ```
//! let stack = chorus_infra::Stack::shop("..");
//! let template = chorus_infra::synthesize(&stack)?;
//! assert!(template.to_yaml().starts_with("# "));
//! assert_eq!(chorus_infra::check(&template.document(), &stack), []);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows no AWS SDK and deploys nothing. [`check`] finds what no linter sees, in any template
//! that is given to it as JSON.

mod check;
pub mod constructs;
mod finding;
pub mod intrinsics;
mod machine;
mod names;
mod shop;
mod stack;
mod template;
mod yaml;

pub use check::check;
pub use finding::Finding;
pub use stack::{Stack, synthesize};
pub use template::Template;
