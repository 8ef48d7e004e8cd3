//! The flow across services: how orders end, what was wrong elsewhere, and what disorder changes.

mod api;
mod defects;
mod disorder;
mod projections;
mod stories;
