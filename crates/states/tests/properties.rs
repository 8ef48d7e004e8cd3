//! Laws of the data flow that hold for any value.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use states::{Json, Machine, Mocks, RunOptions, Status, run};

/// Makes JSON values of a moderate size.
fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        "[ -~é€]{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec((name(), inner), 0..5).prop_map(Json::object::<String>),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_-]{0,6}"
}

/// Makes reference paths of names, some of them in brackets.
fn reference() -> impl Strategy<Value = String> {
    prop::collection::vec((name(), any::<bool>()), 1..4).prop_map(|names| {
        let part = |(name, dotted)| match dotted {
            true => format!(".{name}"),
            false => format!("['{name}']"),
        };
        format!("${}", names.into_iter().map(part).collect::<String>())
    })
}

fn outcome(states: Json, input: Json) -> Status {
    let machine = Json::object([("StartAt", Json::from("A")), ("States", states)]).to_string();
    let machine = Machine::parse(&machine).unwrap();
    run(&machine, input, &mut Mocks::default(), RunOptions::default()).unwrap().status
}

fn pass(fields: Vec<(&str, Json)>) -> Json {
    let mut members = vec![("Type", Json::from("Pass"))];
    members.extend(fields);
    Json::object(members)
}

const END: (&str, Json) = ("End", Json::Bool(true));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_put_at_a_result_path_is_read_back_there(path in reference(), result in value()) {
        let put = vec![
            ("Result", result.clone()),
            ("ResultPath", Json::from(path.as_str())),
            ("OutputPath", Json::from(path.as_str())),
            END,
        ];
        let status = outcome(Json::object([("A", pass(put))]), Json::empty_object());
        prop_assert_eq!(status, Status::Succeeded { output: result });
    }

    #[test]
    fn no_input_path_leaves_the_value_and_null_leaves_nothing(input in value()) {
        let status = outcome(Json::object([("A", pass(vec![END]))]), input.clone());
        prop_assert_eq!(status, Status::Succeeded { output: input.clone() });
        for field in ["InputPath", "OutputPath"] {
            let fields = vec![(field, Json::Null), END];
            let status = outcome(Json::object([("A", pass(fields))]), input.clone());
            prop_assert_eq!(status, Status::Succeeded { output: Json::empty_object() });
        }
    }

    #[test]
    fn a_discarded_result_leaves_the_input(input in value(), result in value()) {
        let fields = vec![("Result", result), ("ResultPath", Json::Null), END];
        let status = outcome(Json::object([("A", pass(fields))]), input.clone());
        prop_assert_eq!(status, Status::Succeeded { output: input });
    }

    #[test]
    fn a_value_made_a_text_and_read_again_is_the_same(input in value()) {
        let call = "States.StringToJson(States.JsonToString($))";
        let parameters = Json::object([("v.$", Json::from(call))]);
        let fields = vec![("Parameters", parameters), ("OutputPath", "$.v".into()), END];
        let status = outcome(Json::object([("A", pass(fields))]), input.clone());
        prop_assert_eq!(status, Status::Succeeded { output: input });
    }

    #[test]
    fn a_map_that_does_nothing_leaves_its_items(
        items in prop::collection::vec(value(), 0..6),
        concurrency in 0_u64..4,
    ) {
        let processor = Json::object([
            ("StartAt", Json::from("I")),
            ("States", Json::object([("I", pass(vec![END]))])),
        ]);
        let map = Json::object([
            ("Type", Json::from("Map")),
            ("MaxConcurrency", Json::from(concurrency)),
            ("ItemProcessor", processor),
            END,
        ]);
        let status = outcome(Json::object([("A", map)]), Json::Array(items.clone()));
        prop_assert_eq!(status, Status::Succeeded { output: Json::Array(items) });
    }

    #[test]
    fn any_text_is_checked_without_a_panic(text in "\\PC{0,80}") {
        drop(Machine::check(&text));
        let expression = Json::object([("v.$", Json::from(text))]);
        let states = Json::object([("A", pass(vec![("Parameters", expression), END]))]);
        let machine = Json::object([("StartAt", Json::from("A")), ("States", states)]);
        drop(Machine::check(&machine.to_string()));
    }
}
