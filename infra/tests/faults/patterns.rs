//! Faults in rules: event patterns that match other events than the design table declares.

use serde_json::json;

use crate::{event, of, planted};

#[test]
fn a_pattern_that_eventbridge_refuses() {
    planted(
        |it| {
            event(it, "OrderFunction", "CompleteOrder")["Pattern"]["source"] =
                json!("com.delivery");
        },
        &[("OrderFunctionCompleteOrder", "a pattern that EventBridge refuses")],
    );
}

#[test]
fn a_misspelt_event() {
    planted(
        |it| {
            event(it, "OrderFunction", "ProjectOrder")["Pattern"]["detail-type"][0] =
                json!("OrderCreate");
        },
        &[("OrderFunctionProjectOrder", "matches OrderCreate, which is not an event")],
    );
}

#[test]
fn an_unknown_source() {
    planted(
        |it| {
            event(it, "OrderFunction", "LearnPrice")["Pattern"]["source"] = json!(["com.inventry"]);
        },
        &[("OrderFunctionLearnPrice", "matches events of com.inventry")],
    );
}

#[test]
fn a_source_that_never_publishes_the_event() {
    planted(
        |it| event(it, "OrderFunction", "LearnPrice")["Pattern"]["source"] = json!(["com.orders"]),
        &[("OrderFunctionLearnPrice", "matches no event of the design table")],
    );
}

#[test]
fn a_condition_on_a_field_that_is_elsewhere() {
    planted(
        |it| {
            let pattern = &mut event(it, "FraudFunction", "ReviewOrder")["Pattern"];
            pattern["detail"] = json!({ "total": [{ "numeric": [">=", 1000] }] });
        },
        &[("FraudFunctionReviewOrder", "matches no event of the design table")],
    );
}

#[test]
fn an_archive_of_nothing() {
    planted(
        |it| of(it, "Archive")["EventPattern"] = json!({ "source": [{ "prefix": "org." }] }),
        &[("Archive", "matches no event of the design table")],
    );
}
