//! Every service has a README. All READMEs have the same headings, and agree with the design table
//! and the template.

use std::collections::BTreeSet;
use std::path::Path;

use chorus_events::table::TABLE;
use chorus_table::{EventSpec, RowSpec, Service};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const HEADINGS: [&str; 5] = ["API", "Events in", "Events out", "What it keeps", "Alarms"];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn readme(service: &Service) -> String {
    read(&format!("functions/{}/README.md", service.name))
}

/// Returns the text below a heading, up to the next heading.
fn section<'a>(readme: &'a str, heading: &str) -> &'a str {
    let below = readme.split_once(&format!("\n## {heading}\n")).map_or("", |(_, below)| below);
    below.split_once("\n## ").map_or(below, |(section, _)| section)
}

/// Returns the texts in backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn rows(service: &Service) -> impl Iterator<Item = &'static RowSpec> {
    TABLE.rows.iter().filter(|row| row.service.name == service.name)
}

#[track_caller]
fn names_exactly<'a>(text: &str, events: impl Iterator<Item = &'a EventSpec>, what: &str) {
    let known = |name: &&str| TABLE.rows.iter().all(|row| row.action != *name) && is_event(name);
    let named: BTreeSet<&str> = quoted(text).into_iter().filter(known).collect();
    let wanted: BTreeSet<&str> = events.map(|event| event.detail_type).collect();
    assert_eq!(named, wanted, "{what}");
}

fn is_event(name: &str) -> bool {
    TABLE.message(name).is_some()
}

#[test]
fn every_service_has_a_readme_with_the_same_headings_in_the_same_order() {
    for service in TABLE.services {
        let readme = readme(service);
        assert!(readme.starts_with(&format!("# {}\n\n", service.title)), "{}", service.name);
        let headings = readme.lines().filter_map(|line| line.strip_prefix("## "));
        assert_eq!(headings.take(HEADINGS.len()).collect::<Vec<_>>(), HEADINGS, "{}", service.name);
        for heading in HEADINGS {
            assert!(!section(&readme, heading).trim().is_empty(), "{}: {heading}", service.name);
        }
    }
}

#[test]
fn a_readme_names_the_events_and_the_actions_of_the_table() {
    for service in TABLE.services {
        let readme = readme(service);
        let consumed = rows(service).flat_map(RowSpec::consumes);
        names_exactly(section(&readme, "Events in"), consumed, service.name);
        let emitted = rows(service).flat_map(|row| row.emits);
        names_exactly(section(&readme, "Events out"), emitted, service.name);
        for row in rows(service) {
            let named = readme.contains(&format!("`{}`", row.action));
            assert!(named, "functions/{}/README.md does not name {}", service.name, row.action);
        }
    }
}

/// The prefix of the service's resources in the template: `EventLog` for `event-log`.
fn logical_name(service: &Service) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    service.name.split('-').map(capital).collect()
}

/// The routes whose requests the template directs to a function, such as `GET /orders`.
fn routes(template: &str, service: &Service) -> BTreeSet<String> {
    let target = format!("${{{}Function.Arn}}/invocations", logical_name(service));
    let (mut path, mut method) = ("", "");
    let mut routes = BTreeSet::new();
    for line in template.lines() {
        let key = line.trim().trim_end_matches(':').trim_matches('"');
        if key.starts_with('/') {
            path = key;
        } else if matches!(key, "get" | "put" | "post" | "delete") {
            method = key;
        } else if line.contains(&target) {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    routes
}

/// The tables that the template passes to a function.
fn tables(template: &str, service: &Service) -> BTreeSet<String> {
    let head = format!("\n  {}Function:\n", logical_name(service));
    let body = template.split_once(&head).map_or("", |(_, body)| body);
    let own = body.lines().take_while(|line| line.starts_with("   "));
    let variables = own.flat_map(|line| line.split("TABLE_").skip(1));
    let named = variables.filter_map(|variable| variable.split_once(':'));
    named.map(|(name, _)| name.to_lowercase().replace('_', "-")).collect()
}

#[test]
fn a_readme_names_the_routes_and_the_tables_of_the_template() {
    let template = read("template.yaml");
    for service in TABLE.services {
        let readme = readme(service);
        let named = quoted(section(&readme, "API"));
        let named = named.into_iter().filter(|quoted| quoted.contains(" /"));
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        assert_eq!(named, routes(&template, service), "routes of {}", service.name);
        let tables = tables(&template, service);
        let kept = section(&readme, "What it keeps");
        for table in tables {
            assert!(kept.contains(&format!("| `{table}` |")), "{} keeps {table}", service.name);
        }
    }
}

#[test]
fn every_alarm_of_the_template_is_explained() {
    let readmes: String = TABLE.services.iter().map(readme).collect();
    let explained = readmes + &read("docs/OPERATIONS.md");
    let explained = quoted(&explained);
    let template = read("template.yaml");
    let names = template.lines().filter_map(|line| {
        line.trim().strip_prefix("AlarmName: !Sub \"${AWS::StackName}-")?.strip_suffix('"')
    });
    let unexplained: Vec<_> = names.filter(|name| !explained.contains(name)).collect();
    assert!(unexplained.is_empty(), "no README and no page says what to do on {unexplained:?}");
}
