//! Finds the alarms of a CloudFormation stack which mean that a partner does not answer.

use chorus_events::table::TABLE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unavailable;

/// A firing CloudWatch alarm of a CloudFormation stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CloudAlarm {
    /// The alarm's name, without the prefix that is the stack's name.
    pub name: String,
    pub since: Timestamp,
    pub description: String,
    /// The values that exceeded the threshold.
    pub reason: String,
}

/// Splits firing alarms into two lists: the partners that do not answer, and all other alarms. A
/// partner is returned once, with its earliest alarm.
///
/// On AWS, the doctor cannot see which calls the bus will repeat. But CloudWatch counts these
/// calls, and each rule that calls a partner has an alarm on this count. So a firing alarm shows
/// which partner does not answer.
#[must_use]
pub fn sort_out(firing: Vec<CloudAlarm>) -> (Vec<Unavailable>, Vec<CloudAlarm>) {
    let (mut partners, mut others) = (Vec::<Unavailable>::new(), Vec::new());
    for alarm in firing {
        let Some(partner) = unanswered(&alarm.name) else {
            others.push(alarm);
            continue;
        };
        let CloudAlarm { since, reason, .. } = alarm;
        match partners.iter_mut().find(|it| it.partner == partner) {
            Some(known) if known.since <= since => {}
            Some(known) => (known.since, known.reason) = (since, reason),
            None => {
                let partner = partner.to_owned();
                partners.push(Unavailable { partner, since, reason, probe_at: None });
            }
        }
    }
    (partners, others)
}

/// If the alarm named `alarm` means that the bus repeats calls to a partner, returns the partner's
/// name.
fn unanswered(alarm: &str) -> Option<&'static str> {
    let action = alarm.strip_suffix("-retries")?.replace('-', "");
    let row = TABLE.rows.iter().find(|row| row.action.eq_ignore_ascii_case(&action))?;
    row.partner().map(|partner| partner.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn alarm(name: &str, since: &str, reason: &str) -> CloudAlarm {
        let [name, reason] = [name, reason].map(ToOwned::to_owned);
        CloudAlarm { name, since: since.parse().unwrap(), description: String::new(), reason }
    }

    #[test]
    fn a_partner_is_named_once_since_the_first_of_its_alarms() {
        let firing = vec![
            alarm("start-delivery-retries", "2026-11-30T09:00:00Z", "7 retries"),
            alarm("recall-delivery-retries", "2026-11-30T08:00:00Z", "4 retries"),
            alarm("send-update-retries", "2026-11-30T10:00:00Z", "3 retries"),
        ];
        let (partners, others) = sort_out(firing);
        let told: Vec<(&str, String, &str)> = partners
            .iter()
            .map(|it| (it.partner.as_str(), it.since.to_string(), it.reason.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("carrier", "2026-11-30T08:00:00Z".to_owned(), "4 retries"),
                ("front-end", "2026-11-30T10:00:00Z".to_owned(), "3 retries"),
            ]
        );
        assert!(partners.iter().all(|it| it.probe_at.is_none()));
        assert_eq!(others, []);
    }

    #[test]
    fn the_template_has_such_an_alarm_for_each_rule_by_which_the_bus_calls_a_partner() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let template = std::fs::read_to_string(path).unwrap();
        let names = template.lines().filter_map(|line| line.split_once("AlarmName: "));
        let names = names.filter_map(|(_, name)| name.split_once("${AWS::StackName}-"));
        let names = names.map(|(_, name)| name.trim_end_matches('"'));
        let found: Vec<&str> = names.filter_map(unanswered).collect();
        let rules = TABLE.rules();
        let called: Vec<&str> =
            rules.iter().filter_map(|rule| rule.row.partner()).map(|it| it.name).collect();
        assert!(called.contains(&"carrier") && called.contains(&"front-end"), "{called:?}");
        assert_eq!(found, called);
    }

    #[test]
    fn an_alarm_about_no_partner_stays_an_alarm() {
        let names = ["api-errors", "make-payment-retries", "start-delivery-dead-letters-age"];
        let firing: Vec<CloudAlarm> =
            names.iter().map(|name| alarm(name, "2026-11-30T09:00:00Z", "")).collect();
        assert_eq!(sort_out(firing.clone()), (Vec::new(), firing));
    }
}
