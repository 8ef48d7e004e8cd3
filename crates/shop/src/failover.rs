//! Failover between two data directories, which stand for two regions: the second shop takes over
//! from the first. Both shops have the same partners. The second shop may lack some or all items
//! that the first shop wrote in its last moments.

mod directories;
mod log;

pub(crate) use directories::interrupted_into;
pub use directories::{Directories, DirectoriesError, region_of};
pub use log::{Begun, Interrupted, Regions, Step, begin, interrupted};
