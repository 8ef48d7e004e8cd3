//! How a state's fields select its input and shape its result.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Json, Machine, Mocks, RunOptions, Status, run};

#[track_caller]
fn ends(machine: &str, input: &str, mocks: &str) -> Status {
    let machine = Machine::parse(machine).unwrap();
    let mut mocks = Mocks::parse(mocks).unwrap();
    run(&machine, input.parse().unwrap(), &mut mocks, RunOptions::default()).unwrap().status
}

/// Returns the output of a machine that has a single state with the given fields.
#[track_caller]
fn output(fields: &str, input: &str) -> String {
    let machine = format!(r#"{{"StartAt":"S","States":{{"S":{{{fields},"End":true}}}}}}"#);
    match ends(&machine, input, r#"{"S":{"Return":{"r":[1,2]}}}"#) {
        Status::Succeeded { output } => output.to_string(),
        Status::Failed { error, cause } => {
            format!("{}: {}", error.unwrap_or_default(), cause.unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke""#;

#[test]
fn each_field_does_its_part() {
    let input = r#"{"a":{"b":1},"c":2}"#;
    for (fields, expected) in [
        (r#""Type":"Pass""#, input),
        (r#""Type":"Pass","InputPath":"$.a""#, r#"{"b":1}"#),
        (r#""Type":"Pass","InputPath":null"#, "{}"),
        (r#""Type":"Pass","OutputPath":"$.a.b""#, "1"),
        (r#""Type":"Pass","OutputPath":null"#, "{}"),
        (r#""Type":"Pass","Result":[1,{"x.$":"$.c"}]"#, r#"[1,{"x.$":"$.c"}]"#),
        (r#""Type":"Pass","Result":9,"ResultPath":"$.a.z""#, r#"{"a":{"b":1,"z":9},"c":2}"#),
        (r#""Type":"Pass","Result":9,"ResultPath":null"#, input),
        (
            r#""Type":"Pass","InputPath":"$.a","Parameters":{"k.$":"$.b","l":["$.c",{"m.$":"$"}]}"#,
            r#"{"k":1,"l":["$.c",{"m":{"b":1}}]}"#,
        ),
        (r#""Type":"Succeed","OutputPath":"$.c""#, "2"),
        (r#""Type":"Wait","Seconds":0,"InputPath":"$.a","OutputPath":"$.b""#, "1"),
    ] {
        let fields = fields.to_owned();
        let shown = if fields.contains("Succeed") {
            let machine = format!(r#"{{"StartAt":"S","States":{{"S":{{{fields}}}}}}}"#);
            match ends(&machine, input, "{}") {
                Status::Succeeded { output } => output.to_string(),
                other => format!("{other:?}"),
            }
        } else {
            output(&fields, input)
        };
        assert_eq!(shown, expected, "{fields}");
    }
}

#[test]
fn a_result_is_selected_before_it_is_placed() {
    let fields = format!(
        r#"{TASK},"ResultSelector":{{"first.$":"$.r[0]"}},"ResultPath":"$.x","OutputPath":"$.x""#
    );
    assert_eq!(output(&fields, r#"{"a":1}"#), r#"{"first":1}"#);
}

#[test]
fn the_context_object_has_the_execution_the_state_and_the_item() {
    let fields = r#""Type":"Pass","Parameters":{"n.$":"$$.State.Name","i.$":"$$.Execution.Input",
        "m.$":"$$.StateMachine.Name","t.$":"$$.Execution.StartTime"}"#;
    let expected = r#"{"n":"S","i":{"a":1},"m":"local","t":"1970-01-01T00:00:00.000Z"}"#;
    assert_eq!(output(fields, r#"{"a":1}"#), expected);
    let fields = r#""Type":"Map","ItemsPath":"$.l","ItemSelector":{"v.$":"$$.Map.Item.Value",
        "i.$":"$$.Map.Item.Index","all.$":"$.l"},"ItemProcessor":{"StartAt":"P","States":{"P":{
        "Type":"Pass","Parameters":{"s.$":"States.Format('{}:{}', $$.Map.Item.Index, $.v)"},
        "End":true}}}"#;
    assert_eq!(output(fields, r#"{"l":["a","b"]}"#), r#"[{"s":"0:a"},{"s":"1:b"}]"#);
}

#[test]
fn what_cannot_be_done_is_refused_in_the_words_of_the_service() {
    let at = "An error occurred while executing the state 'S' (entered at the event id #2). ";
    for (fields, expected) in [
        (
            r#""Type":"Pass","InputPath":"$.nope""#,
            "Invalid path '$.nope' : No results for path: $['nope']",
        ),
        (
            r#""Type":"Pass","Parameters":{"v.$":"States.Format('{}', States.Format('{}', $.nope))"}"#,
            "The function 'States.Format('{}', States.Format('{}', $.nope))' had the following \
             error: The JsonPath argument for the field '$.nope' could not be found in the input \
             '{\"other\":1,\"items\":[1,2]}'",
        ),
        (
            r#""Type":"Pass","Parameters":{"v.$":"States.Format('{}', $.items[5])"}"#,
            "The function 'States.Format('{}', $.items[5])' had the following error: The JsonPath \
             argument for the field '$.items[5]' could not be found in the input \
             '{\"other\":1,\"items\":[1,2]}'",
        ),
        (
            r#""Type":"Map","ItemsPath":"$.other","ItemProcessor":{"StartAt":"P","States":{"P":{
            "Type":"Pass","End":true}}}"#,
            "Reference path \"$.other\" must point to array.",
        ),
        (
            r#""Type":"Wait","TimestampPath":"$.other""#,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
             date-time format string: $.other == 1",
        ),
    ] {
        let shown = output(fields, r#"{"other":1,"items":[1,2]}"#);
        assert_eq!(shown, format!("States.Runtime: {at}{expected}"), "{fields}");
    }
    // An index past the end of an array gives null in a template, and an error in a function.
    let fields = r#""Type":"Pass","Parameters":{"v.$":"$.items[5]"}"#;
    assert_eq!(output(fields, r#"{"items":[1,2]}"#), r#"{"v":null}"#);
    let fields = r#""Type":"Pass","Result":1,"ResultPath":"$.a.b""#;
    let shown = output(fields, r#"{"a":"text"}"#);
    assert!(shown.starts_with("States.ResultPathMatchFailure: "), "{shown}");
    assert!(shown.ends_with(r#"Unable to apply ReferencePath $.a.b to input {"a":"text"}"#));
}

#[test]
fn variables_are_seen_inside_and_set_where_they_are_at_home() {
    let machine = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"x.$":"$.n","y":{"z":[1,2]}},"Next":"M"},
        "M":{"Type":"Map","ItemsPath":"$y.z","ItemProcessor":{"StartAt":"I","States":{
          "I":{"Type":"Pass","Assign":{"own.$":"$x"},"Next":"J"},
          "J":{"Type":"Pass","Parameters":{"x.$":"$x","own.$":"$own","v.$":"$"},"End":true}}},
          "Assign":{"count.$":"States.ArrayLength($)"},"Next":"C"},
        "C":{"Type":"Choice","Choices":[{"Variable":"$count","NumericEquals":2,
          "Assign":{"x":"changed"},"Next":"Z"}],"Default":"Z"},
        "Z":{"Type":"Pass","Parameters":{"x.$":"$x","count.$":"$count","all.$":"$"},"End":true}}}"#;
    let Status::Succeeded { output } = ends(machine, r#"{"n":7}"#, "{}") else { panic!() };
    let items = r#"[{"x":7,"own":7,"v":1},{"x":7,"own":7,"v":2}]"#;
    assert_eq!(output.to_string(), format!(r#"{{"x":"changed","count":2,"all":{items}}}"#));
}

#[test]
fn a_state_assigns_from_its_result_and_reads_the_values_from_before() {
    let machine = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"x":1},"Next":"B"},
        "B":{"Type":"Pass","Result":{"r":5},"Assign":{"x.$":"$.r","was.$":"$x"},"Next":"Z"},
        "Z":{"Type":"Pass","Parameters":{"x.$":"$x","was.$":"$was"},"End":true}}}"#;
    let Status::Succeeded { output } = ends(machine, "{}", "{}") else { panic!() };
    assert_eq!(output.to_string(), r#"{"x":5,"was":1}"#);
}

#[test]
fn a_payload_beyond_the_limit_fails_its_state() {
    let big = format!("\"{}\"", "x".repeat(200_000));
    let fields = r#""Type":"Pass","Parameters":{"a.$":"$","b.$":"$"}"#;
    let shown = output(fields, &big);
    assert!(shown.starts_with("States.DataLimitExceeded: The state/task 'S' returned"), "{shown}");
}

#[test]
fn a_value_that_grows_deeper_with_every_turn_is_stopped() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"$"},
        "Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,
        "Next":"E"}],"Default":"A"},"E":{"Type":"Succeed"}}}"#;
    let status = ends(machine, "{}", "{}");
    let Status::Failed { error, .. } = status else { panic!("{status:?}") };
    assert_eq!(error.as_deref(), Some("States.DataLimitExceeded"));
}

#[test]
fn the_functions_do_what_the_service_documents() {
    let input = r#"{"a":[1,2,3,4,5,6,7,8,9],"o":{"x":1},"p":{"y":2},"n":null,"dup":[1,1,"a","a"]}"#;
    for (call, expected) in [
        ("States.Format('Hi {}, {} \\\\{\\\\}', 'Al', 2)", r#""Hi Al, 2 {}""#),
        ("States.Format('{}', $.n)", r#""null""#),
        ("States.Format('it\\\\'s {}', $.o)", r#""it's {x=1}""#),
        ("States.Format('{}', States.Array('a', $.n, $.o))", r#""[a, null, {x=1}]""#),
        ("States.StringToJson('{\\\"k\\\":[1]}')", r#"{"k":[1]}"#),
        ("States.JsonToString($.o)", r#""{\"x\":1}""#),
        ("States.Array('x', 1, $.n, States.Array())", r#"["x",1,null,[]]"#),
        ("States.ArrayPartition($.a, 4)", "[[1,2,3,4],[5,6,7,8],[9]]"),
        ("States.ArrayContains($.a, 5)", "true"),
        ("States.ArrayContains($.a, '5')", "false"),
        ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"),
        ("States.ArrayRange(9, 1, -4)", "[9,5,1]"),
        ("States.ArrayRange(1, 9, -1)", "[]"),
        ("States.ArrayGetItem($.a, 5)", "6"),
        ("States.ArrayLength($.a)", "9"),
        ("States.ArrayUnique($.dup)", r#"[1,"a"]"#),
        ("States.Base64Encode('Data to encode')", r#""RGF0YSB0byBlbmNvZGU=""#),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", r#""Data to encode""#),
        ("States.Hash('input data', 'SHA-1')", r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#),
        ("States.Hash('input data', 'MD5')", r#""812f45842bc6d66ee14572ce20db8e86""#),
        ("States.JsonMerge($.o, $.p, false)", r#"{"x":1,"y":2}"#),
        ("States.MathAdd(111, -1)", "110"),
        ("States.MathRandom(4, 5)", "4"),
        ("States.StringSplit('1,2,,3', ',')", r#"["1","2","3"]"#),
        (
            "States.StringSplit('This.is+a,test=string', '.+,=')",
            r#"["This","is","a","test","string"]"#,
        ),
    ] {
        let fields = format!(r#""Type":"Pass","Parameters":{{"v.$":"{call}"}}"#);
        assert_eq!(output(&fields, input), format!("{{\"v\":{expected}}}"), "{call}");
    }
    for call in [
        "States.Format('{} {}', 'one')",
        "States.Format('none', 'one')",
        "States.StringToJson('{')",
        "States.ArrayPartition($.a, 0)",
        "States.ArrayPartition($.o, 1)",
        "States.ArrayRange(1, 2000, 1)",
        "States.ArrayRange(1, 2, 0)",
        "States.ArrayGetItem($.a, 9)",
        "States.ArrayGetItem($.a, -1)",
        "States.ArrayLength('x')",
        "States.Base64Decode('*')",
        "States.Hash('x', 'SHA-2')",
        "States.JsonMerge($.o, $.p, true)",
        "States.MathAdd('1', 2)",
        "States.MathRandom(5, 5)",
    ] {
        let fields = format!(r#""Type":"Pass","Parameters":{{"v.$":"{call}"}}"#);
        let shown = output(&fields, input);
        assert!(shown.starts_with("States.IntrinsicFailure: An error occurred"), "{call}: {shown}");
        assert!(shown.contains(&format!("The function '{call}' had the following error: ")));
    }
}

#[test]
fn a_uuid_is_of_version_four_and_each_is_another() {
    let shown =
        output(r#""Type":"Pass","Parameters":{"a.$":"States.UUID()","b.$":"States.UUID()"}"#, "{}");
    let drawn: Json = shown.parse().unwrap();
    let (a, b) = (drawn.get("a").unwrap(), drawn.get("b").unwrap());
    assert_ne!(a, b);
    let a = a.as_str().unwrap();
    assert_eq!((a.len(), &a[14..15]), (36, "4"));
}
