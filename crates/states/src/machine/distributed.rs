//! Reads the fields that only a distributed Map has: where its items come from, how they are
//! batched, how many iterations may fail, and where the results go.

use super::fields::{Fields, MAX_SECONDS};
use super::resource::Resource;
use super::{Distributed, Mode, Seconds, Workflow};
use crate::json::Json;
use crate::problem::Code;
use crate::template::Template;

const MAX_LABEL: usize = 40;

/// The `ItemReader`, which reads the items from a file or a listing.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) resource: Resource,
    pub(crate) parameters: Option<Template>,
    pub(crate) format: Format,
    pub(crate) max_items: Option<Seconds>,
    /// The JSON pointer to the items inside the file; absent if the file contains only the items.
    pub(crate) pointer: Option<String>,
}

/// The format of a file of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// A listing of S3 objects, each of which is an item.
    Listing,
    Json,
    JsonLines,
    /// Rows of CSV. If `headers` is absent, the first row contains the headers.
    Csv {
        headers: Option<Vec<String>>,
        delimiter: u8,
    },
    /// A format that Step Functions reads and this library does not. The text is the format's name
    /// in the definition.
    Other(String),
}

/// The `ItemBatcher`, which puts several items into the input of one iteration.
#[derive(Debug, Clone)]
pub(crate) struct Batcher {
    pub(crate) items: Option<Seconds>,
    pub(crate) bytes: Option<Seconds>,
    pub(crate) input: Option<Template>,
}

/// The `ResultWriter`, which transforms the results and writes them to files.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    /// The call that writes a file; if absent, the results are the state's output.
    pub(crate) resource: Option<Resource>,
    pub(crate) parameters: Option<Template>,
    pub(crate) transformation: Transformation,
    /// Whether the results are lines of JSON (JSONL) instead of one array.
    pub(crate) lines: bool,
}

/// What an iteration contributes to the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transformation {
    /// A description of the iteration as an execution: its input, output, status and times.
    None,
    /// The iteration's output.
    Compact,
    /// The iteration's output. If the output is an array, each of its elements is a result.
    Flatten,
}

/// The percentage of iterations that may fail.
#[derive(Debug, Clone)]
pub(crate) enum Share {
    Fixed(f64),
    /// The percentage is the result of a path or of a JSONata expression.
    Computed(Template),
}

/// Reads `ProcessorConfig`.
pub(super) fn mode(config: &mut Fields<'_>) -> Mode {
    let mode = match config.take("Mode").and_then(Json::as_str) {
        None | Some("INLINE") => Mode::Inline,
        Some("DISTRIBUTED") => Mode::Distributed,
        Some(other) => {
            config.advise("Mode", format!("'{other}' is unknown"), "use INLINE or DISTRIBUTED");
            Mode::Inline
        }
    };
    let execution = config.text("ExecutionType");
    match (mode, execution) {
        (Mode::Inline, Some(_)) => {
            config.refuse("ExecutionType", "is only for a distributed Map");
        }
        (Mode::Distributed, None) => {
            config.missing("ExecutionType", "the iterations are of type STANDARD or EXPRESS");
        }
        (Mode::Distributed, Some(other)) if !["STANDARD", "EXPRESS"].contains(&other) => {
            let reason = format!("'{other}' is unknown");
            config.advise("ExecutionType", reason, "use STANDARD or EXPRESS");
        }
        _ => {}
    }
    if mode == Mode::Distributed && config.notes().workflow == Workflow::Express {
        let remedy = "make it a Standard machine, or the Map an inline one";
        config.advise("Mode", "an Express state machine has no distributed Map", remedy);
    }
    config.finish("a processor configuration");
    mode
}

/// Reads the fields of a distributed Map.
pub(super) fn read(fields: &mut Fields<'_>) -> Distributed {
    let label = fields.text("Label").map(str::to_owned);
    if let Some(label) = &label {
        check_label(fields, label);
    }
    let reader = fields.object("ItemReader").map(|mut reader| self::reader(&mut reader));
    let batcher = fields.object("ItemBatcher").map(|mut batcher| {
        let batcher_fields = &mut batcher;
        let items = batcher_fields.seconds("MaxItemsPerBatch", 1..=MAX_SECONDS);
        let bytes = batcher_fields.seconds("MaxInputBytesPerBatch", 1..=262_144);
        if items.is_none() && bytes.is_none() {
            let remedy = "give MaxItemsPerBatch, MaxInputBytesPerBatch, or both";
            batcher_fields.advise("", "an item batcher without a size", remedy);
        }
        let input = batcher_fields.template("BatchInput");
        batcher_fields.finish("an item batcher");
        Batcher { items, bytes, input }
    });
    let writer = fields.object("ResultWriter").and_then(|mut writer| self::writer(&mut writer));
    let (tolerated_count, tolerated_share) = tolerated(fields);
    Distributed { label, reader, batcher, writer, tolerated_count, tolerated_share }
}

fn tolerated(fields: &mut Fields<'_>) -> (Option<Seconds>, Option<Share>) {
    (fields.seconds("ToleratedFailureCount", 0..=MAX_SECONDS), share(fields))
}

/// Reads the fields that Step Functions accepts but ignores in an inline Map, and warns of each
/// field.
pub(super) fn check_ignored(fields: &mut Fields<'_>) {
    let names = ["Count", "CountPath", "Percentage", "PercentagePath"];
    let given = names.map(|name| format!("ToleratedFailure{name}"));
    for name in given.iter().filter(|name| fields.has(name)) {
        let remedy = "remove the field, or set Mode to DISTRIBUTED in ProcessorConfig";
        fields.warn(name, "has no effect in an inline Map: the first failure ends it", remedy);
    }
    tolerated(fields);
}

fn check_label(fields: &Fields<'_>, label: &str) {
    let length = label.chars().count();
    if !(1..=MAX_LABEL).contains(&length) {
        let reason = format!("has {length} characters; 1 to {MAX_LABEL} are allowed");
        fields.coded(Code::InvalidLabelName).advise("Label", reason, "give it another label");
    }
    let banned = |next: char| {
        next.is_control() || next.is_whitespace() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(next)
    };
    if let Some(found) = label.chars().find(|next| banned(*next)) {
        let reason = format!("a label cannot contain '{found}'");
        fields.coded(Code::InvalidLabelName).advise("Label", reason, "use letters and digits");
    }
}

fn reader(reader: &mut Fields<'_>) -> Reader {
    let resource = reader
        .required_text("Resource", "read a file with arn:aws:states:::s3:getObject")
        .unwrap_or_default();
    let resource = Resource::new(resource);
    let parameters = reader.arguments();
    let lists = resource.arn().ends_with("listObjectsV2");
    let mut format = if lists { Format::Listing } else { Format::Json };
    let (mut max_items, mut pointer) = (None, None);
    if let Some(mut config) = reader.object("ReaderConfig") {
        max_items = config.seconds("MaxItems", 0..=100_000_000);
        format = self::format(&mut config).unwrap_or(format);
        pointer = self::pointer(&mut config, &format);
        if let Some(manifest) = config.text("ManifestType") {
            format = Format::Other(manifest.to_owned());
        }
        match config.text("Transformation") {
            None | Some("NONE") => {}
            Some("LOAD_AND_FLATTEN") => format = Format::Other("LOAD_AND_FLATTEN".to_owned()),
            Some(other) => {
                let reason = format!("'{other}' is unknown");
                config.advise("Transformation", reason, "use NONE or LOAD_AND_FLATTEN");
            }
        }
        config.finish("a reader configuration");
    }
    reader.finish("an item reader");
    Reader { resource, parameters, format, max_items, pointer }
}

fn pointer(config: &mut Fields<'_>, format: &Format) -> Option<String> {
    const NAME: &str = "ItemsPointer";
    let pointer = config.text(NAME)?;
    if *format != Format::Json {
        config.refuse(NAME, "is only for a file in JSON");
    } else if !pointer.is_empty() && !pointer.starts_with(['/', '{']) {
        config.advise(NAME, format!("'{pointer}' is not a JSON pointer"), "begin it with '/'");
    }
    Some(pointer.to_owned())
}

fn format(config: &mut Fields<'_>) -> Option<Format> {
    let kind = config.text("InputType")?;
    let location = config.text("CSVHeaderLocation");
    let delimiter = match config.text("CSVDelimiter") {
        None | Some("COMMA") => b',',
        Some("PIPE") => b'|',
        Some("SEMICOLON") => b';',
        Some("SPACE") => b' ',
        Some("TAB") => b'\t',
        Some(other) => {
            let remedy = "use COMMA, PIPE, SEMICOLON, SPACE or TAB";
            config.advise("CSVDelimiter", format!("'{other}' is unknown"), remedy);
            b','
        }
    };
    let headers: Option<Vec<String>> = config
        .array("CSVHeaders")
        .map(|headers| headers.iter().filter_map(Json::as_str).map(str::to_owned).collect());
    if kind == "CSV" {
        match location {
            Some("FIRST_ROW") => {}
            Some("GIVEN") if headers.is_some() => {}
            Some("GIVEN") => config.missing("CSVHeaders", "name the columns"),
            _ => config.missing("CSVHeaderLocation", "say FIRST_ROW or GIVEN"),
        }
    }
    Some(match kind {
        "JSON" => Format::Json,
        "JSONL" => Format::JsonLines,
        "CSV" => Format::Csv { headers, delimiter },
        "MANIFEST" | "PARQUET" => Format::Other(kind.to_owned()),
        other => {
            let remedy = "use CSV, JSON, JSONL, MANIFEST or PARQUET";
            config.advise("InputType", format!("'{other}' is unknown"), remedy);
            Format::Json
        }
    })
}

fn writer(writer: &mut Fields<'_>) -> Option<Writer> {
    let resource = writer.text("Resource").map(Resource::new);
    let parameters = writer.arguments();
    let config = writer.object("WriterConfig");
    if resource.is_none() && config.is_none() {
        writer.advise(
            "",
            "a result writer that does nothing",
            "give it a Resource or a WriterConfig",
        );
    }
    let mut transformation = match resource {
        Some(_) => Transformation::None,
        None => Transformation::Compact,
    };
    let mut lines = false;
    if let Some(mut config) = config {
        match config.text("Transformation") {
            None => {}
            Some("NONE") => transformation = Transformation::None,
            Some("COMPACT") => transformation = Transformation::Compact,
            Some("FLATTEN") => transformation = Transformation::Flatten,
            Some(other) => {
                let reason = format!("'{other}' is unknown");
                config.advise("Transformation", reason, "use NONE, COMPACT or FLATTEN");
            }
        }
        match config.text("OutputType") {
            None | Some("JSON") => {}
            Some("JSONL") => lines = true,
            Some(other) => {
                let reason = format!("'{other}' is unknown");
                config.advise("OutputType", reason, "use JSON or JSONL");
            }
        }
        config.finish("a writer configuration");
    }
    writer.finish("a result writer");
    Some(Writer { resource, parameters, transformation, lines })
}

fn share(fields: &mut Fields<'_>) -> Option<Share> {
    const NAME: &str = "ToleratedFailurePercentage";
    let path = format!("{NAME}Path");
    if !fields.jsonata && fields.has(&path) {
        return fields
            .expression(&path)
            .map(|expression| Share::Computed(Template::Expression { field: path, expression }));
    }
    match fields.template(NAME)? {
        Template::Literal(value) => match value.as_f64() {
            Some(share) if (0.0..=100.0).contains(&share) => Some(Share::Fixed(share)),
            _ => {
                fields.refuse(NAME, format!("must be a number from 0 to 100, not {value}"));
                None
            }
        },
        computed => Some(Share::Computed(computed)),
    }
}
