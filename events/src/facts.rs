//! Re-exports every event of this crate, so that the design table finds all events in one module.

pub use crate::customer::*;
pub use crate::customs::*;
pub use crate::delivery::*;
pub use crate::enterprise::*;
pub use crate::fraud::*;
pub use crate::inventory::*;
pub use crate::logistics::*;
pub use crate::notification::*;
pub use crate::order::*;
pub use crate::outages::*;
pub use crate::payment::*;
pub use crate::storefront::*;
