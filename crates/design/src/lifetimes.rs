//! Checks that idempotency records are kept for longer than the archive keeps events, because the
//! archive can deliver its events again.

use std::time::Duration;

use chorus_table::{Replay, RowSpec};

use crate::Finding;

/// Reports the rows that may process a replayed event twice: the rows that only idempotency records
/// protect from duplicates. Reports no row if `records`, the lifetime of these records, exceeds
/// `archive`, the lifetime of archived events.
pub(crate) fn check(rows: &[RowSpec], archive: Duration, records: Duration) -> Vec<Finding> {
    if archive < records {
        return Vec::new();
    }
    let protected = rows.iter().filter(|row| row.replay == Replay::Idempotent);
    let consuming = protected.filter(|row| !row.on.is_empty());
    let problem = format!(
        "may process a replayed event twice: its idempotency records expire after {} days, but the \
         archive keeps events for {} days",
        days(records),
        days(archive)
    );
    let remedy = "Keep idempotency records for longer than archived events, or declare the row as `.folds()`";
    consuming.map(|row| Finding::new(row.action, problem.clone(), remedy)).collect()
}

const fn days(lifetime: Duration) -> u64 {
    lifetime.as_secs() / 86_400
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_test_table::TABLE;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn an_archive_that_outlives_the_records_is_found_for_each_row_that_they_alone_protect() {
        assert_eq!(check(TABLE.rows, 14 * DAY, 15 * DAY), []);
        let found = check(TABLE.rows, 40 * DAY, 15 * DAY);
        let named = |action| found.iter().any(|finding| finding.subject == action);
        assert!(named("CountOrder") && named("ReserveItem"), "{found:#?}");
        assert!(!named("SendEmail"), "{found:#?}");
    }
}
