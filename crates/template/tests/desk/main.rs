//! Makes the template of a small application with two services, a content rule, a state machine, an
//! HTTP API and, in some tests, a partner.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod faults;
mod table;

use async_trait::async_trait;
use chorus_http::{Endpoint, HttpFunction, Method, Problem, Request, Response, Route};
use chorus_kernel::{Function, Kernel, MachineSpec, TableSpec, answers};
use chorus_table::{CallBody, Partner, Table, Via};
use chorus_template::{Application, PartnerApi, Stack, check, synthesize};
use serde_json::json;
use table::{RingPager, TABLE, rows, services};

answers! {
    enum Outcome in "outcome" {
        Resolved = "resolved",
        /// The customer withdrew the ticket, so it needs no solution.
        Withdrawn = "withdrawn",
    }
}

const HANDLE_TICKET: MachineSpec = MachineSpec {
    limits: &[("AgentTimeoutSeconds", 86_400)],
    answers: &[Outcome::ANSWERS],
    ..MachineSpec::new("HandleTicket", include_str!("state-machines/handle-ticket.asl.json"))
};

const TICKETS: TableSpec = TableSpec { name: "desk", indexes: &[], ttl: None };

struct Open;

#[async_trait]
impl Endpoint for Open {
    async fn call(&self, _: &Kernel, _: &Request) -> Result<Response, Problem> {
        Ok(Response::json(201, json!({})))
    }
}

fn post_ticket() -> Route {
    Route::of::<rows::OpenTicket>(Method::POST, "/tickets", Open).summary("Open a ticket", 201)
}

/// The help desk's stack.
fn desk() -> Stack {
    let handling = Function::of(services::DESK).table(TICKETS).machine(HANDLE_TICKET);
    let functions =
        vec![HttpFunction::new(handling, [post_ticket()]), Function::of(services::PAGER).into()];
    let application = Application {
        folder: |_| ".".to_owned(),
        sweeper: "../../../aws",
        subject: "a ticket",
        api: "Where tickets are opened",
        ..Application::new("A help desk.")
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/desk").into();
    Stack { table: TABLE, functions, application, root }
}

const SIREN: Partner = Partner { name: "siren", source: "org.siren", body: CallBody::Detail };
const TOWER: Partner = Partner { name: "bell-tower", source: "org.tower", body: CallBody::Detail };

/// The help desk with a partner's API as its pager, and with a second partner that no rule calls.
fn with_partners() -> Stack {
    let mut stack = desk();
    let mut rows = TABLE.rows.to_vec();
    let row = rows.iter_mut().find(|row| row.action == "RingPager").unwrap();
    row.via = Via::ApiDestination(SIREN);
    stack.table = Table { rows: rows.leak(), ..TABLE };
    stack.application.partners =
        vec![PartnerApi::new(SIREN).endpoint::<RingPager>("alarms"), PartnerApi::new(TOWER)];
    stack
}

#[track_caller]
fn is_clean(stack: &Stack) {
    let findings = check(&synthesize(stack).document(), stack);
    assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn nothing_is_wrong_with_the_template_of_a_small_application() {
    assert_eq!(chorus_design::check(TABLE.rows, &TABLE.messages()), []);
    is_clean(&desk());
}

#[test]
fn every_part_follows_from_the_table() {
    let document = synthesize(&desk()).document();
    let resources = document["Resources"].as_object().unwrap();
    for id in [
        "Bus",
        "Archive",
        "DeadLetters",
        "DeskTable",
        "DeskFunction",
        "PagerFunction",
        "SweeperFunction",
        "HandleTicketMachine",
        "Api",
        "Dashboard",
    ] {
        assert!(resources.contains_key(id), "{id} is missing");
    }
    assert_eq!(
        resources["PagerFunction"]["Properties"]["Events"]["RingPager"]["Properties"]["Pattern"],
        json!({
            "source": ["org.desk"],
            "detail-type": ["TicketOpened"],
            "detail": { "data": { "urgency": [{ "numeric": [">=", 2] }] } },
        })
    );
    assert_eq!(
        resources["Archive"]["Properties"]["EventPattern"],
        json!({ "source": ["org.desk", "org.pager"] }),
        "without a catch-all row, the sources of all events"
    );
    let template = synthesize(&desk()).to_yaml();
    assert!(
        template.contains("a ticket may wait for it") && !template.contains("Carrier"),
        "{template}"
    );
}

#[test]
fn a_service_without_tables_is_granted_none() {
    let document = synthesize(&desk()).document();
    let policies = &document["Resources"]["PagerRole"]["Properties"]["Policies"];
    assert!(!policies.to_string().contains("OwnTables"), "{policies}");
}

#[test]
fn any_number_of_partners_is_called() {
    let stack = with_partners();
    is_clean(&stack);
    let document = synthesize(&stack).document();
    let target = &document["Resources"]["PagerRingPagerRule"]["Properties"]["Targets"][0];
    assert_eq!(target["Arn"], json!({ "Fn::GetAtt": ["Siren", "Arn"] }));
    assert_eq!(target["HttpParameters"]["PathParameterValues"], json!(["alarms"]));
    assert_eq!(
        document["Parameters"]["BellTowerEndpoint"]["Default"],
        "https://bell-tower.example"
    );
    let rules = document["Rules"].to_string();
    assert!(rules.contains("prod needs SirenEndpoint"), "{rules}");
}

#[test]
fn what_a_deployment_may_do_without_is_disabled_until_its_partner_is_named() {
    let mut stack = with_partners();
    let mut rows = stack.table.rows.to_vec();
    let row = rows.iter_mut().find(|row| row.action == "RingPager").unwrap();
    row.optional = true;
    row.via = Via::ApiDestination(Partner { body: CallBody::Data, ..SIREN });
    stack.table = Table { rows: rows.leak(), ..TABLE };
    stack.application.partners = vec![
        PartnerApi::new(Partner { body: CallBody::Data, ..SIREN }).endpoint::<RingPager>("alarms"),
    ];
    is_clean(&stack);
    let document = synthesize(&stack).document();
    let rule = &document["Resources"]["PagerRingPagerRule"]["Properties"];
    assert_eq!(rule["State"], json!({ "Fn::If": ["HasSiren", "ENABLED", "DISABLED"] }));
    assert_eq!(rule["Targets"][0]["InputPath"], "$.detail.data");
    let named = json!({ "Fn::Equals": [{ "Ref": "SirenEndpoint" }, "https://siren.example"] });
    assert_eq!(document["Conditions"]["HasSiren"], json!({ "Fn::Not": [named] }));
    assert!(document["Rules"].is_null(), "prod does not insist on it: {}", document["Rules"]);
}

#[test]
fn what_an_application_has_none_of_leaves_nothing_behind() {
    let mut stack = desk();
    let rows: Vec<_> = TABLE.rows.iter().filter(|row| row.action == "RingPager").copied().collect();
    stack.table = Table { rows: rows.leak(), ..TABLE };
    stack.functions.retain(|function| function.function.service == services::PAGER);
    is_clean(&stack);
    let document = synthesize(&stack).document();
    assert!(document["Rules"].is_null(), "{}", document["Rules"]);
    for (section, name) in [
        ("Resources", "Api"),
        ("Resources", "ApiErrorsAlarm"),
        ("Parameters", "JwtIssuer"),
        ("Parameters", "MachineLogLevel"),
        ("Outputs", "ApiUrl"),
    ] {
        assert!(document[section][name].is_null(), "{name} is there");
    }
}
