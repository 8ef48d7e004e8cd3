//! The design table has no faults. A change that breaks the table is reported with the broken row
//! and a remedy.

use chorus_design::{Finding, check};
use chorus_events::table::TABLE;
use chorus_table::{Callers, Content, EventSpec, RowSpec, Via};

fn findings(change: impl Fn(&mut Vec<RowSpec>)) -> Vec<Finding> {
    let mut rows = TABLE.rows.to_vec();
    change(&mut rows);
    check(&rows, &TABLE.messages())
}

fn row<'a>(rows: &'a mut [RowSpec], action: &str) -> &'a mut RowSpec {
    rows.iter_mut().find(|row| row.action == action).expect("the table has this row")
}

fn without(events: &[EventSpec], name: &str) -> &'static [EventSpec] {
    let kept: Vec<_> = events.iter().filter(|event| event.detail_type != name).copied().collect();
    assert!(kept.len() < events.len(), "{name} is not among them");
    kept.leak()
}

#[track_caller]
fn names(findings: &[Finding], row: &str, problem: &str) {
    let named =
        findings.iter().any(|found| found.subject == row && found.problem.contains(problem));
    assert!(named, "{findings:#?}");
}

#[test]
fn the_flow_of_the_shop_closes() {
    assert_eq!(check(TABLE.rows, &TABLE.messages()), []);
}

#[test]
fn an_event_that_nobody_consumes_is_found() {
    let found = findings(|rows| {
        let cancel = row(rows, "CancelOrder");
        cancel.on = without(cancel.on, "ItemNotAvailable");
    });
    names(&found, "ReserveItem", "emits ItemNotAvailable, which no row consumes");
}

#[test]
fn an_event_that_nobody_emits_is_found() {
    let found = findings(|rows| {
        let estimate = row(rows, "EstimateDelivery");
        estimate.emits = without(estimate.emits, "DeliveryEstimated");
    });
    names(&found, "MakePayment", "consumes DeliveryEstimated, which no row emits");
}

#[test]
fn a_failure_that_leaves_something_done_is_found() {
    let found = findings(|rows| {
        let cancel = row(rows, "CancelOrder");
        cancel.on = without(cancel.on, "PaymentFailed");
    });
    names(&found, "ReserveItem", "not undone by UnreserveOrReturnItem when PaymentFailed follows");
    let found = findings(|rows| {
        let cancel = row(rows, "CancelPayment");
        cancel.on = without(cancel.on, "OrderCanceled");
    });
    names(&found, "MakePayment", "is not undone by CancelPayment when ErrorItemRemoved follows");
}

#[test]
fn a_partner_that_cannot_be_reached_is_a_failure_too() {
    let found = findings(|rows| row(rows, "CancelDelivery").on = &[]);
    names(&found, "MarkDeliveryAsStarted", "is not undone by CancelDelivery");
}

#[test]
fn a_missing_compensation_is_found() {
    let found = findings(|rows| rows.retain(|row| row.action != "CancelPayment"));
    names(&found, "MakePayment", "is undone by CancelPayment, which is not a row");
}

#[test]
fn an_optional_row_that_no_partner_enables_is_found() {
    let found = findings(|rows| row(rows, "CountOrder").optional = true);
    names(&found, "CountOrder", "is optional, but no partner or bus of its service can enable it");
}

#[test]
fn an_event_of_the_shops_own_that_leaves_the_account_is_found() {
    let found = findings(|rows| {
        let delivered = row(rows, "PublishOutcome").on;
        row(rows, "ForwardOutcome").on = delivered;
    });
    names(&found, "ForwardOutcome", "forwards OrderDelivered of com.orders to the bus enterprise");
    names(
        &found,
        "PublishOutcome",
        "emits the public event ShopOrderDelivered, which no row forwards",
    );
    let canceled = "OrderCanceled version 1";
    names(&found, canceled, "is public, and its CustomerId identifies a person");
    names(&found, canceled, "is public, and its reason may be any text");
    names(&found, canceled, "is public, and its total is not documented");
}

#[test]
fn encrypted_text_about_people_may_not_leave_the_account() {
    let found = findings(|rows| {
        let updated = row(rows, "PutCustomer").emits;
        row(rows, "ForwardOutcome").on = updated;
    });
    names(&found, "CustomerUpdated version 1", "is public, and its name may be any text");
}

#[test]
fn a_queue_that_gives_up_to_nobody_who_could_answer_is_found() {
    let found = findings(|rows| row(rows, "CollectPayment").gives_up_to = Some("RefuseIt"));
    names(&found, "CollectPayment", "passes messages to RefuseIt, which is not a row");
    for wrong in ["CancelPayment", "CancelDelivery"] {
        let found = findings(|rows| row(rows, "CollectPayment").gives_up_to = Some(wrong));
        names(&found, "CollectPayment", "does not consume the same events");
    }
    let found = findings(|rows| row(rows, "CollectPayment").via = Via::Function);
    names(&found, "CollectPayment", "passes messages to RefusePayment, but has no queue");
}

#[test]
fn two_decisions_of_one_service_on_one_event_are_found() {
    let found = findings(|rows| row(rows, "RemoveItem").on = row(rows, "ReserveItem").on);
    names(&found, "RemoveItem", "as ReserveItem of the same service does");
}

#[test]
fn a_content_rule_that_cannot_match_is_found() {
    let high = Content::AtLeast { field: "total", units: 1_000_000 };
    let found = findings(|rows| row(rows, "ReviewOrder").when = Some(high));
    names(&found, "ReviewOrder", "matches no sample event of OrderCreated");
}

#[test]
fn a_content_rule_that_matches_everything_is_found() {
    let all = Content::AtLeast { field: "total", units: 0 };
    let found = findings(|rows| row(rows, "ReviewOrder").when = Some(all));
    names(&found, "ReviewOrder", "every sample of OrderCreated satisfies");
}

#[test]
fn an_invalid_content_rule_is_found() {
    let none = Content::OneOf { field: "total", values: &[] };
    let found = findings(|rows| row(rows, "ReviewOrder").when = Some(none));
    names(&found, "ReviewOrder", "has a rule that EventBridge refuses");
}

#[test]
fn a_row_that_nothing_starts_and_a_name_used_twice_are_found() {
    let found = findings(|rows| row(rows, "CompleteOrder").on = &[]);
    names(&found, "CompleteOrder", "has neither events nor commands that start it");
    let found = findings(|rows| row(rows, "PutItem").action = "PutCustomer");
    names(&found, "PutCustomer", "two rows have this name");
}

#[test]
fn a_row_that_does_not_say_who_may_give_its_commands_is_found() {
    let found = findings(|rows| row(rows, "PutItem").callers = Callers::Nobody);
    names(&found, "PutItem", "takes commands, but declares no callers");
    let found = findings(|rows| row(rows, "ReserveItem").callers = Callers::Anyone);
    names(&found, "ReserveItem", "declares callers, but takes no command");
}
