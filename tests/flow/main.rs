//! Tests the flow across services: orders end as they should, also if events arrive twice or in
//! another sequence, and the flow lacks the defects of the AWS demo on which it is based.

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
