//! The shop of one data directory takes over from that of another one, as one region does from
//! another: both have the same partners, and the second may lack some or all items that the first
//! one wrote in its last moments.

mod directories;
mod log;

pub use directories::{Directories, DirectoriesError, region_of};
pub use log::{Begun, begin, unfinished};
