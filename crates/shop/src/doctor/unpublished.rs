//! Finds idempotency records that were committed but whose events are not marked as published.

use chorus_events::table::TABLE;
use chorus_kernel::{
    Query, RowOutputs, Store, check_record, record_key, text, unpublished_records,
};
use jiff::{SignedDuration, Timestamp};

use super::{DoctorError, Unpublished};

/// The age from which an unpublished record is reported. The events of a younger record may still
/// be published by the invocation that wrote the record.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_secs(90);

pub(super) async fn find(
    store: &dyn Store,
    now: Timestamp,
) -> Result<Vec<Unpublished>, DoctorError> {
    let mut found = Vec::new();
    let outputs = RowOutputs::of(TABLE.rows.iter().copied());
    for mut query in unpublished_records() {
        query.to = Some(format!("{:.9}", now - SETTLES_WITHIN));
        find_in(store, &outputs, query, &mut found).await?;
    }
    found.sort_by(|a: &Unpublished, b| a.recorded_at.cmp(&b.recorded_at));
    Ok(found)
}

async fn find_in(
    store: &dyn Store,
    outputs: &RowOutputs,
    mut query: Query,
    found: &mut Vec<Unpublished>,
) -> Result<(), DoctorError> {
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            let part = |name| text(item, name).unwrap_or_default().to_owned();
            let (action, idempotency_key) = (part("sk"), part("pk"));
            let record = store.get(&record_key(&action, &idempotency_key)).await?;
            let fault =
                record.as_ref().map(|item| check_record(item, outputs)).and_then(Result::err);
            let unreadable = fault.map(|fault| fault.to_string());
            let recorded_at = part("recorded-at");
            found.push(Unpublished { action, idempotency_key, recorded_at, unreadable });
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(()),
        }
    }
}
