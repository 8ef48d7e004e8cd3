//! Finds the state machines in a file. The file is a definition in JSON or YAML, or a template with
//! definitions.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use cloudformation_template::{Resolver, Template};
use serde_json::Value;
use states::{Json, Machine, Problems, Workflow};

/// A state machine's definition, and the definition's name in the output.
pub(super) struct Definition {
    /// The file, and the logical id if the definition is inside a template.
    pub(super) name: String,
    /// The logical id, if the definition comes from a template.
    pub(super) id: Option<String>,
    pub(super) text: Result<String, UnreadableDefinition>,
    /// The workflow type in the template.
    pub(super) workflow: Option<Workflow>,
    /// The assumptions that this program made to read the definition.
    pub(super) assumed: Vec<String>,
}

/// Why the definition of a state machine cannot be read.
#[derive(Debug)]
pub(super) enum UnreadableDefinition {
    /// The definition is in S3, at this URI.
    Elsewhere(String),
    Failed(anyhow::Error),
}

impl Definition {
    /// Returns a definition that reports `error` for a file that cannot be read.
    pub(super) fn unreadable(file: &Path, error: anyhow::Error) -> Self {
        let (name, text) = (file.display().to_string(), Err(UnreadableDefinition::Failed(error)));
        Self { name, id: None, text, workflow: None, assumed: Vec::new() }
    }

    /// Parses the state machine. Fails if the definition has an error.
    pub(super) fn machine(self, workflow: Option<Workflow>) -> anyhow::Result<Machine> {
        let workflow = workflow.or(self.workflow).unwrap_or_default();
        let text = match self.text {
            Ok(text) => text,
            Err(UnreadableDefinition::Elsewhere(uri)) => {
                bail!(
                    "the definition of {} is the file {uri}: download that file, and pass its path",
                    self.name
                )
            }
            Err(UnreadableDefinition::Failed(error)) => {
                return Err(error.context(format!("{} cannot be read", self.name)));
            }
        };
        let (machine, problems) = Machine::check_as(&text, workflow);
        let invalid = || anyhow!(Problems(problems)).context(format!("{} is invalid", self.name));
        machine.ok_or_else(invalid)
    }
}

/// Reads a file, or standard input if the path is `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Returns every definition in the file.
pub(super) fn definitions(file: &Path) -> anyhow::Result<Vec<Definition>> {
    let text = read(file)?;
    let name = if file.as_os_str() == "-" { "-".to_owned() } else { file.display().to_string() };
    let alone = |text: String| {
        let name = name.clone();
        vec![Definition { name, id: None, text: Ok(text), workflow: None, assumed: Vec::new() }]
    };
    let is_template = |json: &Json| json.get("Resources").is_some() && json.get("States").is_none();
    if let Ok(json) = text.parse::<Json>() {
        return if is_template(&json) { of_template(&text, file) } else { Ok(alone(text)) };
    }
    if file.extension().is_some_and(|extension| extension == "json") || text.trim().is_empty() {
        // Errors in the JSON are reported as problems of the definition.
        return Ok(alone(text));
    }
    match serde_yaml_ng::from_str::<Json>(&text) {
        Ok(json) if !is_template(&json) => Ok(alone(json.to_string())),
        Err(_) if text.trim_start().starts_with('{') => Ok(alone(text)),
        // A text that is not plain YAML may contain tags such as `!Sub`, which occur in templates
        // only. So it is read as a template, and its errors are reported as a template's.
        _ => of_template(&text, file),
    }
}

/// Returns the only definition in the file, or the definition with this logical id.
pub(super) fn definition(file: &Path, id: Option<&str>) -> anyhow::Result<Definition> {
    let mut all = definitions(file)?;
    let known: Vec<String> = all.iter().filter_map(|definition| definition.id.clone()).collect();
    if let Some(id) = id {
        all.retain(|definition| definition.id.as_deref() == Some(id));
    }
    let found = all.len();
    match (found, id) {
        (1, _) => Ok(all.remove(0)),
        (0, Some(id)) => {
            bail!("{} has no machine {id}; it has {}", file.display(), known.join(", "))
        }
        _ => bail!(
            "{} has several machines: name one of {} with --machine",
            file.display(),
            known.join(", ")
        ),
    }
}

fn of_template(text: &str, file: &Path) -> anyhow::Result<Vec<Definition>> {
    let template = Template::parse(text)
        .with_context(|| format!("{} is neither a state machine nor a template", file.display()))?;
    let resolver = Resolver::new(&template);
    let mut found = Vec::new();
    for resource in template.resources() {
        let is_machine = ["AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine"];
        if !is_machine.contains(&resource.kind) {
            continue;
        }
        let resolved = resolver.resolve(resource.properties);
        let properties = &resolved.value;
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let name = format!("{}: {}", file.display(), resource.id);
        let workflow = ["Type", "StateMachineType"].iter().find_map(|key| properties[key].as_str());
        found.push(Definition {
            id: Some(resource.id.to_owned()),
            text: text_of(properties, &folder),
            workflow: Some(match workflow {
                Some("EXPRESS") => Workflow::Express,
                _ => Workflow::Standard,
            }),
            assumed: resolved
                .stand_ins
                .iter()
                .map(|assumed| format!("{} is assumed to be {}", assumed.expression, assumed.value))
                .collect(),
            name,
        });
    }
    if found.is_empty() {
        bail!("{} has no state machine", file.display());
    }
    Ok(found)
}

/// Returns the definition of a state machine in a template, in the form in which Step Functions
/// gets it after a deployment.
fn text_of(properties: &Value, folder: &Path) -> Result<String, UnreadableDefinition> {
    let substitutions = &properties["DefinitionSubstitutions"];
    if let Some(text) = properties["DefinitionString"].as_str() {
        return Ok(substituted(text, substitutions, within_json));
    }
    for key in ["Definition", "DefinitionString"] {
        if properties[key].is_object() {
            return Ok(substituted(&properties[key].to_string(), substitutions, within_json));
        }
    }
    let place = ["DefinitionUri", "DefinitionS3Location"]
        .iter()
        .map(|key| &properties[*key])
        .find(|place| !place.is_null());
    match place {
        Some(Value::String(uri)) if !uri.starts_with("s3://") => {
            of_file(&folder.join(uri), substitutions).map_err(UnreadableDefinition::Failed)
        }
        Some(Value::String(uri)) => Err(UnreadableDefinition::Elsewhere(uri.clone())),
        Some(object) => {
            let part = |name: &str| object[name].as_str().unwrap_or_default();
            Err(UnreadableDefinition::Elsewhere(format!("s3://{}/{}", part("Bucket"), part("Key"))))
        }
        None => Err(UnreadableDefinition::Failed(anyhow!(
            "the resource must have DefinitionString, Definition, DefinitionUri or DefinitionS3Location"
        ))),
    }
}

/// Reads a definition's file. A file may be valid JSON or YAML only after the substitution of
/// `${Name}`, for example if a number replaces the name.
fn of_file(file: &Path, substitutions: &Value) -> anyhow::Result<String> {
    let written = read(file)?;
    let json = substituted(&written, substitutions, within_json);
    let Err(error) = json.parse::<Json>() else { return Ok(json) };
    let yaml = substituted(&written, substitutions, |value| {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    });
    serde_yaml_ng::from_str::<Json>(&yaml)
        .map(|json| json.to_string())
        .with_context(|| format!("{} is neither JSON ({error}) nor YAML", file.display()))
}

/// Replaces each `${Name}` by its value, as a deployment of the machine does.
fn substituted(text: &str, substitutions: &Value, shown: fn(&Value) -> String) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let name = after.split_once('}').map(|(name, _)| name);
        match name.and_then(|name| Some((name, substitutions.get(name)?))) {
            Some((name, value)) => {
                // Names within the inserted value are not replaced.
                filled.push_str(&shown(value));
                rest = &after[name.len() + 1..];
            }
            None => {
                filled.push_str("${");
                rest = after;
            }
        }
    }
    filled + rest
}

/// Returns a value as the text that replaces its `${Name}` in JSON. A string is escaped, but not
/// quoted.
fn within_json(value: &Value) -> String {
    let quoted = value.to_string();
    let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    bare.map_or(quoted.clone(), str::to_owned)
}
