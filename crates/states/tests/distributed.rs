//! Distributed Maps: where their items come from, how many may fail, and where the results go.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{
    Answer, Coverage, Effect, Entropy, Execution, Identity, Json, Machine, Mocks, Run, RunOptions,
    Severity, Start, StateTest, Status, TaskRef, TestStatus, run,
};

const PASS: &str = r#"{"I":{"Type":"Pass","End":true}}"#;

fn machine(fields: &str, states: &str) -> String {
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map",{fields}"ItemProcessor":{{"ProcessorConfig":{{
        "Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},"StartAt":"I","States":{states}}},
        "End":true}}}}}}"#
    )
}

#[track_caller]
fn ran(fields: &str, states: &str, input: &str, mocks: &str) -> Run {
    let text = machine(fields, states);
    let machine = Machine::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let mut mocks = Mocks::parse(mocks).unwrap();
    run(&machine, input.parse().unwrap(), &mut mocks, RunOptions::default()).unwrap()
}

fn outcome(run: &Run) -> String {
    match &run.status {
        Status::Succeeded { output } => output.to_string(),
        Status::Failed { error, cause } => {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{}: {}", text(error), text(cause))
        }
        other => format!("{other:?}"),
    }
}

fn events(run: &Run) -> Vec<String> {
    let events = run.history.iter();
    events
        .map(|event| format!("{}<-{} {}", event.id, event.previous_event_id, event.kind))
        .collect()
}

#[test]
fn iterations_are_executions_of_their_own_that_the_history_does_not_show() {
    let selector = r#""ItemsPath":"$.l","ItemSelector":{"v.$":"$$.Map.Item.Value","c":1},"#;
    let told_of = ran(selector, PASS, r#"{"l":["a","b"]}"#, "{}");
    assert_eq!(outcome(&told_of), r#"[{"v":"a","c":1},{"v":"b","c":1}]"#);
    let expected = [
        "1<-0 ExecutionStarted",
        "2<-0 MapStateEntered",
        "3<-2 MapStateStarted",
        "4<-3 MapRunStarted",
        "5<-4 MapRunSucceeded",
        "6<-5 MapStateSucceeded",
        "7<-4 MapStateExited",
        "8<-7 ExecutionSucceeded",
    ];
    assert_eq!(events(&told_of), expected);
    let arn = told_of.history[3].details.as_ref().unwrap().1.get("mapRunArn").unwrap();
    assert!(
        arn.as_str().unwrap().starts_with("arn:aws:states:us-east-1:000000000000:mapRun:local/M:")
    );
    let mut coverage = Coverage::new(&Machine::parse(&machine(selector, PASS)).unwrap());
    coverage.add(&told_of);
    assert!(coverage.is_whole(), "{coverage:?}");
    assert_eq!(outcome(&ran("", PASS, "[]", "{}")), "[]");
}

#[test]
fn items_are_read_from_what_a_file_holds() {
    let reader = |config: &str| {
        format!(
            r#""ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Parameters":{{
            "Bucket":"b","Key.$":"$.k"}},"ReaderConfig":{{{config}}}}},"#
        )
    };
    let csv = r#"{"M":{"Return":"H1,H2\nValue4,Value5,Value6\n,,,\nNull\n   \n"}}"#;
    let first = r#""InputType":"CSV","CSVHeaderLocation":"FIRST_ROW""#;
    let given = r#""InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["A"],"MaxItems":2"#;
    let doubled = r#""InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["A","A"]"#;
    for (config, content, expected) in [
        (
            first,
            csv,
            r#"[{"H1":"Value4","H2":"Value5"},{"H1":"","H2":""},{"H1":"Null","H2":""},{"H1":"   ","H2":""}]"#,
        ),
        (given, csv, r#"[{"A":"H1"},{"A":"Value4"}]"#),
        (doubled, csv, "States.ItemReaderFailed: CSV headers cannot contain duplicates."),
        (r#""InputType":"JSON""#, r#"{"M":{"Return":"[1,{\"a\":2}]"}}"#, r#"[1,{"a":2}]"#),
        (r#""InputType":"JSON","MaxItems":1"#, r#"{"M":{"Return":[1,2]}}"#, "[1]"),
        (
            r#""InputType":"JSON""#,
            r#"{"M":{"Return":"{\"a\":2}"}}"#,
            "States.ItemReaderFailed: Attempting to map over non-iterable node.",
        ),
        (r#""InputType":"JSONL""#, r#"{"M":{"Return":"1\n\n{\"a\":2}\n"}}"#, r#"[1,{"a":2}]"#),
    ] {
        let run = ran(&reader(config), PASS, r#"{"k":"file"}"#, content);
        assert_eq!(outcome(&run), expected, "{config}");
        let started = run.history[2].details.as_ref().unwrap();
        assert_eq!(started.1.get("length"), Some(&Json::from(0_u64)));
    }
    let failed = ran(&reader(doubled), PASS, r#"{"k":"file"}"#, csv);
    let expected =
        ["4<-3 MapRunStarted", "5<-4 MapRunFailed", "6<-5 MapStateFailed", "7<-6 ExecutionFailed"];
    assert_eq!(events(&failed)[3..], expected);
    let gone =
        ran(&reader(first), PASS, r#"{"k":"x"}"#, r#"{"M":{"Throw":{"Error":"S3.NoSuchKey"}}}"#);
    assert_eq!(outcome(&gone), "States.ItemReaderFailed: S3.NoSuchKey");
    let listing = r#""ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{
        "Bucket":"b"}},"#;
    let listed = ran(listing, PASS, "{}", r#"{"M":{"Return":{"Contents":[{"Key":"a"}]}}}"#);
    assert_eq!(outcome(&listed), r#"[{"Key":"a"}]"#);
}

#[test]
fn items_are_batched_by_their_number_and_by_their_size() {
    let batcher = |config: &str| format!(r#""ItemsPath":"$.l","ItemBatcher":{{{config}}},"#);
    let input = r#"{"l":[1,2,3],"n":2,"c":"x"}"#;
    for (config, expected) in [
        (r#""MaxItemsPerBatch":2"#, r#"[{"Items":[1,2]},{"Items":[3]}]"#),
        (
            r#""MaxItemsPerBatchPath":"$.n","BatchInput":{"c.$":"$.c"}"#,
            r#"[{"BatchInput":{"c":"x"},"Items":[1,2]},{"BatchInput":{"c":"x"},"Items":[3]}]"#,
        ),
        (r#""MaxInputBytesPerBatch":15"#, r#"[{"Items":[1,2]},{"Items":[3]}]"#),
        (r#""MaxInputBytesPerBatch":14"#, r#"[{"Items":[1]},{"Items":[2]},{"Items":[3]}]"#),
        (
            r#""MaxInputBytesPerBatch":32,"BatchInput":"x""#,
            r#"[{"BatchInput":"x","Items":[1,2]},{"BatchInput":"x","Items":[3]}]"#,
        ),
    ] {
        assert_eq!(outcome(&ran(&batcher(config), PASS, input, "{}")), expected, "{config}");
    }
}

#[test]
fn a_run_goes_on_while_so_many_failures_are_tolerated() {
    let states = r#"{"I":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":2,"Next":"F"}],
        "Default":"G"},"F":{"Type":"Fail","Error":"Two"},"G":{"Type":"Pass","End":true}}"#;
    for (fields, succeeds) in [
        ("", false),
        (r#""ToleratedFailureCount":1,"#, true),
        (r#""ToleratedFailureCount":0,"#, false),
        (r#""ToleratedFailurePercentage":34,"#, true),
        (r#""ToleratedFailurePercentage":33,"#, false),
        (r#""ToleratedFailureCountPath":"$[0]","#, true),
        (r#""MaxConcurrency":1,"ToleratedFailureCount":1,"#, true),
    ] {
        let run = ran(fields, states, "[1,2,3]", "{}");
        let exceeded = "States.ExceedToleratedFailureThreshold: The specified tolerated failure \
            threshold was exceeded";
        let expected = if succeeds { "[1,3]" } else { exceeded };
        assert_eq!(outcome(&run), expected, "{fields}");
    }
    for (fields, cause) in [
        ("Count", "ToleratedFailureCount cannot be negative."),
        ("Percentage", "ToleratedFailurePercentage must be between 0 and 100."),
    ] {
        let fields = format!(r#""ToleratedFailure{fields}Path":"$[0]","#);
        let run = ran(&fields, states, "[-1]", "{}");
        let place = "An error occurred while executing the state 'M' (entered at the event id #2).";
        assert_eq!(outcome(&run), format!("States.Runtime: {place} {cause}"));
        assert_eq!(events(&run)[2..], ["3<-2 MapStateStarted", "4<-3 ExecutionFailed"]);
    }
    let run = ran(r#""ToleratedFailureCountPath":"$[0]","#, states, r#"["1",2]"#, "{}");
    assert_eq!(outcome(&run), r#"["1"]"#, "a string may contain the number");
    // `States.Runtime` ends an execution. Inside a distributed Map, it ends only the iteration.
    let broken = r#"{"I":{"Type":"Pass","Parameters":{"v.$":"$.a"},"End":true}}"#;
    let run = ran(r#""ToleratedFailureCount":1,"#, broken, r#"[{"a":1},{}]"#, "{}");
    assert_eq!(outcome(&run), r#"[{"v":1}]"#);
}

#[test]
fn items_stand_inside_a_file_where_a_pointer_leads() {
    let reader = |config: &str| {
        format!(
            r#""ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Parameters":{{
            "Bucket":"b","Key":"k"}},"ReaderConfig":{{{config}}}}},"#
        )
    };
    let file = r#"{"M":{"Return":"{\"a/b\":[{\"list\":[1,2]}]}"}}"#;
    let no_array = "States.ItemReaderFailed: The file has no array at the pointer";
    for (config, expected) in [
        (r#""InputType":"JSON","ItemsPointer":"/a~1b/0/list""#, "[1,2]".to_owned()),
        (r#""InputType":"JSON","ItemsPointer":"/a~1b/1""#, format!("{no_array} '/a~1b/1'")),
        (r#""InputType":"JSON","ItemsPointer":"/a~1b/0""#, format!("{no_array} '/a~1b/0'")),
    ] {
        assert_eq!(outcome(&ran(&reader(config), PASS, "{}", file)), expected, "{config}");
    }
    let manifest = reader(r#""InputType":"MANIFEST","ManifestType":"S3_INVENTORY""#);
    let run = ran(&manifest, PASS, "{}", r#"{"M":{"Return":{"files":[]}}}"#);
    assert_eq!(
        outcome(&run),
        "States.ItemReaderFailed: S3_INVENTORY is not supported: use JSON, JSONL, CSV or a listing"
    );
}

/// Runs a Map whose second iteration fails. Returns the files that the Map writes, by key, and the
/// Map's output.
fn written(writer: &str) -> (Vec<(String, Json)>, Json) {
    let states = r#"{"I":{"Type":"Choice","Choices":[{"Variable":"$[0]","NumericEquals":2,"Next":"F"}],
        "Default":"G"},"F":{"Type":"Fail","Error":"Two","Cause":"c"},"G":{"Type":"Pass","End":true}}"#;
    let fields =
        format!(r#""Label":"Jobs","ToleratedFailureCount":1,"ResultWriter":{{{writer}}},"#);
    let machine = Machine::parse(&machine(&fields, states)).unwrap();
    let input = "[[1],[2],[3,4]]".parse().unwrap();
    let identity = Identity::local("local", "run");
    let start = Start { input, identity, entropy: Entropy::from_number(1) };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let (mut execution, _) = Execution::start(&machine, start, now);
    let mut turn = execution.advance(&machine, now);
    let mut files = Vec::new();
    while let [Effect::StartTask(call)] = &turn.effects[..] {
        assert!(call.writes_results());
        let key = call.input.get("Key").and_then(Json::as_str).unwrap().to_owned();
        files.push((key, call.input.get("Body").unwrap().clone()));
        // The execution can be stored and loaded between two answers.
        let kept = serde_json::to_string(&execution).unwrap();
        execution = serde_json::from_str(&kept).unwrap();
        let done = Answer::succeeded(TaskRef::Id(call.task), Json::empty_object());
        execution.answer(&machine, done, now).unwrap();
        turn = execution.advance(&machine, now);
    }
    let Status::Succeeded { output } = execution.status() else { panic!("{execution:?}") };
    (files, output.clone())
}

const TO_BUCKET: &str = r#""Resource":"arn:aws:states:::s3:putObject",
    "Parameters":{"Bucket":"results","Prefix":"jobs"}"#;

#[test]
fn results_are_written_as_executions_with_a_manifest_that_locates_them() {
    let (files, output) = written(TO_BUCKET);
    let arn = output.get("MapRunArn").and_then(Json::as_str).unwrap();
    let (named, run) = arn.rsplit_once(':').unwrap();
    assert!(named.ends_with(":mapRun:local/Jobs"), "{arn}");
    let details = format!(r#"{{"Bucket":"results","Key":"jobs/{run}/manifest.json"}}"#);
    assert_eq!(output.get("ResultWriterDetails").unwrap().to_string(), details);
    let keys: Vec<&str> = files.iter().map(|(key, _)| key.as_str()).collect();
    let folder = format!("jobs/{run}");
    let [succeeded, failed, manifest] = &files[..] else { panic!("{keys:?}") };
    assert_eq!(
        keys,
        ["SUCCEEDED_0.json", "FAILED_0.json", "manifest.json"]
            .map(|name| format!("{folder}/{name}"))
    );
    let first = &succeeded.1.as_array().unwrap()[0];
    let member = |name: &str| first.get(name).and_then(Json::as_str).unwrap();
    assert_eq!((member("Input"), member("Output"), member("Status")), ("[1]", "[1]", "SUCCEEDED"));
    assert_eq!(member("StopDate"), "1970-01-01T00:00:00.000Z");
    assert!(member("StateMachineArn").ends_with(":stateMachine:local/Jobs"), "{first}");
    let own = format!(":execution:local/Jobs:{}", member("Name"));
    assert!(member("ExecutionArn").ends_with(&own), "{first}");
    let second = &failed.1.as_array().unwrap()[0];
    let expected = [("Cause", "c"), ("Error", "Two"), ("Input", "[2]"), ("Status", "FAILED")];
    for (name, expected) in expected {
        assert_eq!(second.get(name).and_then(Json::as_str), Some(expected), "{second}");
    }
    let file = |(key, body): &(String, Json)| {
        format!(r#"[{{"Key":"{key}","Size":{}}}]"#, body.to_string().len())
    };
    let outcome = manifest.1.get("ResultFiles").unwrap();
    assert_eq!(outcome.get("SUCCEEDED").unwrap().to_string(), file(succeeded));
    assert_eq!(outcome.get("FAILED").unwrap().to_string(), file(failed));
    assert_eq!(outcome.get("PENDING").unwrap().to_string(), "[]");
}

#[test]
fn results_are_put_into_the_form_that_is_asked_for() {
    let config = |transformation: &str, output: &str| {
        format!(r#""WriterConfig":{{"Transformation":"{transformation}","OutputType":"{output}"}}"#)
    };
    for (transformation, output, expected) in [
        ("COMPACT", "JSON", "[[1],[3,4]]"),
        ("FLATTEN", "JSON", "[1,3,4]"),
        ("FLATTEN", "JSONL", r#""1\n3\n4""#),
    ] {
        let config = config(transformation, output);
        let (files, output) = written(&config);
        assert_eq!((files.len(), output.to_string().as_str()), (0, expected), "{config}");
        let (files, _) = written(&format!("{TO_BUCKET},{config}"));
        assert_eq!(files[0].1.to_string(), expected, "{config}");
        assert!(files[1].1.to_string().contains("FAILED"), "the failure is described");
    }
    let (_, output) = written(&config("NONE", "JSON"));
    let statuses = output.as_array().unwrap().iter().map(|own| own.get("Status").unwrap().clone());
    assert_eq!(statuses.collect::<Vec<_>>(), vec![Json::from("SUCCEEDED"); 2]);
}

#[test]
fn an_iteration_sees_no_variable_of_the_execution_around_it() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":1},"Next":"M"},
        "M":{"Type":"Map","ItemSelector":{"x.$":"$x"},"ItemProcessor":{"ProcessorConfig":{"Mode":
        "DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"I","States":{"I":{"Type":"Pass",
        "Assign":{"x.$":"$.x"},"Next":"J"},"J":{"Type":"Pass","Parameters":{"own.$":"$x"},"End":true}}},
        "End":true}}}"#;
    let machine = Machine::parse(machine).unwrap_or_else(|problems| panic!("{problems}"));
    let run = run(&machine, "[0]".parse().unwrap(), &mut Mocks::default(), RunOptions::default());
    assert_eq!(outcome(&run.unwrap()), r#"[{"own":1}]"#);
    let reads = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":1},"Next":"M"},
        "M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED",
        "ExecutionType":"STANDARD"},"StartAt":"I","States":{"I":{"Type":"Pass","InputPath":"$x",
        "End":true}}},"End":true}}}"#;
    assert!(Machine::check(reads).0.is_none(), "an iteration reads an outer variable");
}

#[test]
fn the_fields_of_a_distributed_map_are_read() {
    let errors = |fields: &str| {
        let (_, problems) = Machine::check(&machine(fields, PASS));
        let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
        errors.map(|problem| problem.field).collect::<Vec<_>>()
    };
    for (fields, field) in [
        (r#""Label":"","#, "Label"),
        (r#""Label":"a?b","#, "Label"),
        (r#""Label":"12345678901234567890123456789012345678901","#, "Label"),
        (r#""ItemBatcher":{},"#, "ItemBatcher"),
        (r#""ItemBatcher":{"MaxItems":1},"#, "ItemBatcher"),
        (r#""ItemReader":{},"#, "ItemReader.Resource"),
        (r#""ResultWriter":{},"#, "ResultWriter"),
        (
            r#""ResultWriter":{"WriterConfig":{"Transformation":"FLAT"}},"#,
            "ResultWriter.WriterConfig.Transformation",
        ),
        (
            r#""ResultWriter":{"WriterConfig":{"OutputType":"CSV"}},"#,
            "ResultWriter.WriterConfig.OutputType",
        ),
        (
            r#""ItemReader":{"Resource":"r","ReaderConfig":{"InputType":"JSONL","ItemsPointer":"/a"}},"#,
            "ItemReader.ReaderConfig.ItemsPointer",
        ),
        (r#""ToleratedFailurePercentage":101,"#, "ToleratedFailurePercentage"),
        (r#""ToleratedFailureCount":-1,"#, "ToleratedFailureCount"),
    ] {
        assert_eq!(errors(fields).first().map(String::as_str), Some(field), "{fields}");
    }
}

#[test]
fn a_test_of_a_map_may_say_how_many_iterations_have_failed() {
    let text = machine(
        r#""ToleratedFailureCount":1,"Retry":[{"ErrorEquals":["E"]},{"ErrorEquals":[
        "States.ExceedToleratedFailureThreshold"],"IntervalSeconds":1}],"#,
        PASS,
    );
    let tolerant = Machine::parse(&text).unwrap();
    let tested = |machine: &Machine, failed_iterations| {
        let outcome = Some(Ok("[1,1]".parse().unwrap()));
        let input = StateTest::new("[1,2,3]".parse().unwrap());
        let test = StateTest { outcome, failed_iterations, ..input };
        machine.test_state("M", test, &mut Mocks::default()).unwrap()
    };
    let below = tested(&tolerant, 1);
    assert_eq!(
        (below.status, below.output.unwrap().to_string().as_str()),
        (TestStatus::Succeeded, "[1,1]")
    );
    assert_eq!(below.inspection_data["toleratedFailureCount"], Json::from(1_u64));
    let beyond = tested(&tolerant, 2);
    assert_eq!(beyond.status, TestStatus::Retriable);
    assert_eq!(beyond.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    let details = beyond.inspection_data["errorDetails"].to_string();
    assert_eq!(details, r#"{"retryIndex":1,"retryBackoffIntervalSeconds":1}"#);
    let unsaid = Machine::parse(&machine("", PASS)).unwrap();
    assert_eq!(tested(&unsaid, 2).status, TestStatus::Succeeded, "the given result is used");
}
