//! The flow across services: how orders end, the original demo's defects, and what disorder
//! changes.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod api;
mod callers;
mod captures;
mod defects;
mod disorder;
mod earlier_releases;
mod entity_tags;
mod following;
mod front_end;
mod grants;
mod items;
mod lists;
mod policies;
mod projections;
mod public_events;
mod settings;
mod stories;
