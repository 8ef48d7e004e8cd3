//! Simulations from the command line: their output, as text and as JSON, and that a seed gives the
//! same run again.

use serde_json::Value;

use crate::{chorus, stdout_of, well};

#[test]
fn a_campaign_reports_its_faults_and_the_bound_that_follows() {
    let output_text = well(&["simulate", "--seeds", "5", "--orders", "2"]);
    for word in ["5 runs", "runs/s", "faults", "crash points", "No violation.", "3/N"] {
        assert!(output_text.contains(word), "{word} is not in\n{output_text}");
    }
    let report: Value =
        serde_json::from_str(&well(&["simulate", "--seeds", "5", "--orders", "2", "--json"]))
            .unwrap();
    assert_eq!((report["runs"].as_u64(), report["failed"].as_u64()), (Some(5), Some(0)));
}

#[test]
fn a_campaign_of_too_few_runs_states_no_bound() {
    let campaign = ["simulate", "--seeds", "2", "--orders", "1"];
    let output_text = well(&campaign);
    assert!(output_text.contains("There were too few runs"), "{output_text}");
    assert!(!output_text.contains("95 %"), "{output_text}");
    let report: Value =
        serde_json::from_str(&well(&[&campaign[..], &["--json"]].concat())).unwrap();
    assert_eq!(report["bound"].as_f64(), Some(1.0));
}

#[test]
fn a_fault_that_is_named_and_not_simulated_in_two_regions_is_refused() {
    let seed = ["simulate", "--seed", "7", "--orders", "1", "--faults"];
    let named = ["accounts,crashes,skew", "all,noisy-tenant"];
    for (faults, left_out) in named.into_iter().zip(["accounts, skew", "noisy-tenant"]) {
        let output = chorus(&[&seed[..], &[faults, "--regions", "2"]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        let expected = format!("not simulated in two regions: {left_out}; leave them out, or use");
        assert!(error.contains(&expected), "{error}");
    }
    for faults in ["all", "all,-poison", "accounts,-accounts", "crashes,duplicates"] {
        well(&[&seed[..], &[faults, "--regions", "2"]].concat());
    }
    well(&[&seed[..], &["accounts"]].concat());
}

#[test]
fn the_refusal_of_a_fault_gives_advice_that_is_accepted() {
    let seed = ["simulate", "--seed", "7", "--orders", "1", "--faults"];
    let cases = [
        ("skew", "2", "leave them out, or use --regions 1"),
        ("regions,skew", "1", "leave them out, or leave out `regions`"),
        ("regions,skew", "2", "leave them out, or leave out `regions` and use --regions 1"),
    ];
    for (faults, regions, advice) in cases {
        let output = chorus(&[&seed[..], &[faults, "--regions", regions]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.trim_end().ends_with(advice), "{error}");
    }
}

#[test]
fn a_seed_repeats_its_run_to_the_byte() {
    let trace = ["simulate", "--seed", "7", "--orders", "1", "--trace"];
    let first = well(&trace);
    assert!(first.lines().count() > 100, "{first}");
    assert_eq!(first, well(&trace));
}

#[test]
fn a_campaign_with_two_regions_loses_one_in_each_run() {
    let seed = ["simulate", "--seed", "7", "--orders", "2", "--regions", "2", "--trace"];
    let told = well(&seed);
    assert!(told.contains("second is to be active") && told.contains("second is active"), "{told}");
    let one = well(&["simulate", "--seed", "7", "--orders", "2", "--trace"]);
    assert!(!one.contains("is to be active"), "{one}");
}

#[test]
fn a_strike_is_read_as_a_failure_prints_it() {
    let strike = "CrashAfter at call 2 (Write) of inventory-ReserveItem";
    let output = chorus(&["simulate", "--strike", strike]);
    assert!(output.status.success(), "{}", stdout_of(&output));
    for none in ["--seeds", "--orders"] {
        assert_eq!(
            chorus(&["simulate", none, "0"]).status.code(),
            Some(2),
            "{none} 0 proves nothing"
        );
    }
    let wrong = chorus(&["simulate", "--strike", "everything at once"]);
    assert_eq!(wrong.status.code(), Some(2));
}
