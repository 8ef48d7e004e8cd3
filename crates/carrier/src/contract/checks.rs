//! Checks of a carrier's reports about one parcel; each returns the fault that it finds.

use chorus_events::commands::LogisticsStatus;
use chorus_table::Handle;

use super::inbox::Report;

/// Whether a final report about the parcel was accepted, so that no further report will come.
pub(super) fn is_over(reports: &[Report]) -> bool {
    reports.iter().any(|report| {
        let ends = |update: &chorus_events::commands::LogisticsUpdate| {
            update.status != LogisticsStatus::DeliveryStarted
        };
        !report.turned_away && report.update.as_ref().is_ok_and(ends)
    })
}

/// Finds a report whose signature is not valid, or that cannot be read.
pub(super) fn unverifiable(reports: &[Report]) -> Option<String> {
    reports.iter().find_map(|report| match (&report.unsigned, &report.update) {
        (Some(why), _) => Some(why.clone()),
        (None, Err(why)) => Some(format!("a report cannot be read: {why}")),
        (None, Ok(_)) => None,
    })
}

/// Finds a report that has another handle than the parcel's. The shop gave the parcel `handle`.
pub(super) fn of_another(reports: &[Report], handle: &Handle) -> Option<String> {
    let updates = reports.iter().filter_map(|report| report.update.as_ref().ok());
    let mut others = updates.filter(|update| update.handle != *handle);
    others.next().map(|update| format!("`handle` is {} instead of {handle}", update.handle))
}

/// Finds a report that was answered with 503, and that the carrier did not repeat, or repeated
/// under another id.
pub(super) fn given_up(reports: &[Report]) -> Option<String> {
    reports.iter().enumerate().filter(|(_, report)| report.turned_away).find_map(
        |(place, first)| {
            let status = first.update.as_ref().ok()?.status;
            let again = reports[place + 1..]
                .iter()
                .find(|later| later.update.as_ref().is_ok_and(|update| update.status == status));
            match again {
                None => Some(format!(
                    "the report {status:?} was answered with 503, and was not repeated"
                )),
                Some(again) if again.id != first.id => Some(format!(
                    "the report {status:?} was repeated with the id {} instead of {}",
                    again.id, first.id
                )),
                Some(_) => None,
            }
        },
    )
}

/// Finds a delivery that is reported before the pickup, or a status that is reported under two ids.
pub(super) fn out_of_order(reports: &[Report]) -> Option<String> {
    let updates: Vec<_> =
        reports.iter().filter_map(|it| Some((it.update.as_ref().ok()?.status, &it.id))).collect();
    if updates.first().is_some_and(|(status, _)| *status == LogisticsStatus::Delivered) {
        return Some("Delivered was reported without DeliveryStarted before it".to_owned());
    }
    let twice = |(place, (status, id)): (usize, &(LogisticsStatus, &String))| {
        updates[..place].iter().any(|(earlier, other)| earlier == status && other != id)
    };
    let found = updates.iter().enumerate().find(|(place, update)| twice((*place, update)));
    found.map(|(_, (status, _))| format!("{status:?} was reported twice, under two ids"))
}
