//! A distributed Map reads its items from a file. Any text in that file gives items or a failure,
//! and no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use states::{Json, Machine, Mocks, Reply, RunOptions, run};

const FORMATS: [&str; 4] = [
    r#""InputType":"JSON""#,
    r#""InputType":"JSONL","MaxItems":2"#,
    r#""InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","CSVDelimiter":"PIPE""#,
    r#""InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a","b"]"#,
];

fuzz_target!(|text: &str| {
    for format in FORMATS {
        let machine = format!(
            r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,"ItemReader":{{
            "Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{{{format}}}}},
            "ItemBatcher":{{"MaxItemsPerBatch":2,"MaxInputBytesPerBatch":64}},
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
            "StartAt":"P","States":{{"P":{{"Type":"Pass","End":true}}}}}}}}}}}}"#
        );
        let machine = Machine::parse(&machine).unwrap();
        let mut mocks = Mocks::default().with("M", vec![Reply::output(Json::from(text))]);
        run(&machine, Json::Null, &mut mocks, RunOptions::default()).unwrap();
    }
});
