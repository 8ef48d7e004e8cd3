//! Faults in dead-letter queues, such as a missing queue: undeliverable events would be lost.

use serde_json::json;

use crate::{event, of, planted, remove};

#[test]
fn a_dead_letter_queue_by_its_url() {
    planted(
        |it| {
            event(it, "OrderFunction", "LearnPrice")["DeadLetterConfig"]["Arn"] =
                json!({ "Ref": "Undelivered" });
        },
        &[("OrderFunctionLearnPrice", "by URL or name, not by ARN")],
    );
}

#[test]
fn no_dead_letter_queue() {
    planted(
        |it| remove(event(it, "OrderFunction", "LearnPrice"), "DeadLetterConfig"),
        &[("OrderFunctionLearnPrice", "has no dead-letter queue")],
    );
}

#[test]
fn a_queue_without_a_policy() {
    planted(
        |it| remove(&mut it["Resources"], "NotificationQueuePolicy"),
        &[
            ("NotificationSendEmailRule", "may not send to NotificationQueue: no policy"),
            ("NotificationAlertOperatorRule", "may not send to NotificationQueue: no policy"),
            ("NotificationReportOutageRule", "may not send to NotificationQueue: no policy"),
            ("NotificationReportRecoveryRule", "may not send to NotificationQueue: no policy"),
        ],
    );
}

#[test]
fn a_policy_that_names_another_rule() {
    planted(
        |it| {
            let policy = &mut of(it, "StartDeliveryDeadLettersPolicy")["PolicyDocument"];
            policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] =
                json!([{ "Fn::GetAtt": ["DeliveryRecallDeliveryRule", "Arn"] }]);
        },
        &[("DeliveryStartDeliveryRule", "the queue's policy names other rules only")],
    );
}

#[test]
fn a_policy_that_is_bound_to_no_rule() {
    planted(
        |it| {
            let policy = &mut of(it, "StartDeliveryDeadLettersPolicy")["PolicyDocument"];
            remove(&mut policy["Statement"][0], "Condition");
        },
        &[("DeliveryStartDeliveryRule", "with every rule of every account")],
    );
}

#[test]
fn a_redrive_to_a_url() {
    planted(
        |it| {
            of(it, "NotificationQueue")["RedrivePolicy"]["deadLetterTargetArn"] =
                json!({ "Ref": "NotificationFailures" });
        },
        &[("NotificationQueue", "redrive queue NotificationFailures by URL")],
    );
}
