//! Events about partners that do not answer calls. The circuit breakers of the services that call a
//! partner publish these events.

use chorus_table::{Owner, event, sample_time};
use jiff::Timestamp;

use crate::partners;

const BREAKERS: Owner = Owner::Partner(partners::BREAKERS);

event! {
    /// A partner has not answered several calls in a row: calls to the partner are suspended.
    PartnerUnavailable: BREAKERS, Terminal, about partner, {
        partner: String = partners::PAYMENT_PROVIDER.name.to_owned(),
        since: Timestamp = sample_time(),
        reason: String = "the payment provider did not answer: timed out".to_owned(),
    }
}

event! {
    /// A partner to which calls were suspended has answered: the calls resume.
    PartnerRecovered: BREAKERS, Terminal, about partner, {
        partner: String = partners::PAYMENT_PROVIDER.name.to_owned(),
        since: Timestamp = sample_time(),
        reason: String = "the payment provider did not answer: timed out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chorus_table::{Event, PartnerState};

    use super::*;
    use crate::table::TABLE;

    #[test]
    fn what_a_breaker_publishes_is_an_event_of_the_contract() {
        let state = PartnerState {
            partner: "mailer".to_owned(),
            since: sample_time(),
            reason: "no answer".to_owned(),
        };
        for breaker in TABLE.rows.iter().filter_map(|row| row.breaker) {
            for spec in [breaker.unavailable, breaker.recovered] {
                assert!(TABLE.message(spec.detail_type).is_some(), "{}", spec.detail_type);
            }
        }
        let data = serde_json::value::to_raw_value(&state).unwrap();
        let read = PartnerUnavailable::read(1, &data).unwrap();
        assert_eq!((read.partner, read.since), (state.partner.clone(), state.since));
        assert_eq!(PartnerRecovered::read(1, &data).unwrap().reason, state.reason);
    }

    #[test]
    fn every_partner_has_one_breaker_and_a_probe() {
        let breakers: Vec<_> = TABLE.rows.iter().filter_map(|row| row.breaker).collect();
        for breaker in &breakers {
            let same = |other: &&&chorus_table::Breaker| other.partner == breaker.partner;
            assert!(breakers.iter().filter(same).all(|other| other == breaker));
            assert!(breaker.probes > 0 && breaker.pause_seconds > 0 && breaker.failures > 0);
        }
    }
}
