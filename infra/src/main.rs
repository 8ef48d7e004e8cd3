//! `cargo design`: checks and writes the files that derive from the design table, as `chorus
//! design` and `chorus synth` do. This binary compiles in a fraction of the time of `chorus`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use chorus_design::Finding;
use chorus_events::table::TABLE;
use chorus_infra::{
    prove_contract, prove_design, prove_template, publish_contract, write_design, write_template,
};

const USAGE: &str = "usage: cargo design --check | --write | --publish";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let message = match arguments[..] {
        ["--check"] => prove(),
        ["--write"] => write(),
        ["--publish"] => publish(),
        _ => Err(USAGE.to_owned()),
    };
    let (line, code) = match message {
        Ok(line) => (line, ExitCode::SUCCESS),
        Err(line) => (line, ExitCode::FAILURE),
    };
    // Writing to stdout fails if stdout is a pipe and its reader has closed the pipe.
    writeln!(std::io::stdout(), "{line}").map_or(ExitCode::FAILURE, |()| code)
}

fn prove() -> Result<String, String> {
    let mut findings = prove_design();
    if findings.is_empty() {
        findings = prove_template(Path::new("."));
        let broken = prove_contract(Path::new("."), None).map_err(|error| error.to_string())?;
        findings.extend(broken.into_iter().map(Finding::from));
    }
    if findings.is_empty() {
        let (rows, messages) = (TABLE.rows.len(), TABLE.messages().len());
        return Ok(format!("The flow has no gaps: {rows} rows, {messages} messages."));
    }
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(lines.join("\n"))
}

fn write() -> Result<String, String> {
    let root = Path::new(".");
    let written = write_design(root).map_err(|error| error.to_string())?;
    write_template(root).map_err(|error| error.to_string())?;
    Ok(format!("{written} files and template.yaml written."))
}

fn publish() -> Result<String, String> {
    let new = publish_contract(Path::new(".")).map_err(|error| error.to_string())?;
    Ok(format!("{new} new schemas published."))
}
