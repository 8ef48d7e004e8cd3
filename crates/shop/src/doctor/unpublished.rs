//! Idempotency records that were committed but are not marked as published.

use chorus_kernel::{IDEMPOTENCY_TABLE, Key, Query, Store, UNPUBLISHED_INDEX, check_record, text};
use jiff::{SignedDuration, Timestamp};

use super::{DoctorError, Unpublished};

/// A record younger than this may still be published by its own invocation.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_secs(90);

pub(super) async fn find(
    store: &dyn Store,
    now: Timestamp,
) -> Result<Vec<Unpublished>, DoctorError> {
    let mut query = Query::partition(IDEMPOTENCY_TABLE.name, "yes");
    query.index = Some(&UNPUBLISHED_INDEX);
    query.to = Some(format!("{:.9}", now - SETTLES_WITHIN));
    let mut found = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            let part = |name| text(item, name).unwrap_or_default().to_owned();
            let (action, idempotency_key) = (part("sk"), part("pk"));
            let key = Key {
                table: IDEMPOTENCY_TABLE.name,
                pk: idempotency_key.clone(),
                sk: action.clone(),
            };
            let record = store.get(&key).await?;
            let fault = record.as_ref().map(check_record).and_then(Result::err);
            let unreadable = fault.map(|fault| fault.to_string());
            let recorded_at = part("recorded-at");
            found.push(Unpublished { action, idempotency_key, recorded_at, unreadable });
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(found),
        }
    }
}
