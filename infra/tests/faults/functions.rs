//! Faults in functions, such as a missing failure destination: failed events would be lost.

use serde_json::json;

use crate::{event, of, planted, remove};

#[test]
fn a_function_without_a_failure_destination() {
    planted(
        |it| remove(of(it, "PaymentFunction"), "EventInvokeConfig"),
        &[("PaymentFunction", "has no failure destination")],
    );
}

#[test]
fn a_failure_destination_by_its_url() {
    planted(
        |it| {
            let config = &mut of(it, "PaymentFunction")["EventInvokeConfig"];
            config["DestinationConfig"]["OnFailure"]["Destination"] =
                json!({ "Ref": "PaymentFailures" });
        },
        &[("PaymentFunction", "failure destination PaymentFailures by URL")],
    );
}

#[test]
fn a_batch_that_fails_as_a_whole() {
    planted(
        |it| {
            remove(event(it, "NotificationFunction", "NotificationQueue"), "FunctionResponseTypes");
        },
        &[("NotificationFunction", "one unreadable message makes all others fail")],
    );
}

#[test]
fn a_queue_that_gives_a_message_up_while_the_partner_is_away() {
    planted(
        |it| of(it, "PaymentQueue")["RedrivePolicy"]["maxReceiveCount"] = json!(5),
        &[
            ("PaymentQueue", "gives up messages of CollectPayment after 450s"),
            ("PaymentQueue", "gives up messages of CapturePayment after 450s"),
            ("PaymentQueue", "gives up messages of CancelPayment after 450s"),
        ],
    );
}

#[test]
fn a_secret_in_an_environment_variable() {
    let by_reference = |name: &'static str, value: serde_json::Value| {
        planted(
            |it| of(it, "OrderFunction")["Environment"]["Variables"][name] = value,
            &[("OrderFunction", "has a secret in the environment variable")],
        );
    };
    let resolved = json!({ "Fn::Sub": "{{resolve:secretsmanager:${OrderIdSecret}}}" });
    by_reference("ORDER_ID_SECRET", json!({ "Fn::If": ["HasFrontEnd", resolved, ""] }));
    by_reference("CARRIER_KEY", json!({ "Ref": "CarrierSecret" }));
}
