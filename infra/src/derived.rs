//! Checks, prints and writes the files that derive from the design table.

use std::path::{Path, PathBuf};

use chorus_carrier::contract::{CONTRACT_PATH, document};
use chorus_design::{
    Contract, Finding, GeneratedFile, Incompatibility, PUBLISHED, PublishedError, compare, files,
};
use chorus_events::partners::ENTERPRISE_BUS;
use chorus_events::table::TABLE;
use chorus_kernel::Function;
use chorus_template::{
    Template, check, check_beside, check_in_two_regions, gatekeeper, schema_registry, synthesize,
    two_regions,
};
use thiserror::Error;

use crate::{GATEKEEPER, SCHEMA_REGISTRY, TWO_REGIONS, security_page, shop, shop_in_two_regions};

/// The file that declares the design table, relative to the repository's root.
const SOURCE: &str = "events/src/table.rs";

/// Why some or all files could not be written.
#[derive(Debug, Error)]
pub enum NotWritten {
    /// The checks have findings, so nothing is written.
    #[error("{}nothing is written until these findings are fixed", lines(.0))]
    Refused(Vec<Finding>),
    /// The folder is not the root of the repository: it has no file `events/src/table.rs`.
    #[error("{} must be the root of the repository: run the command there, or name the root by the option --root \
         of `chorus`", .0.display())]
    Elsewhere(PathBuf),
    /// A schema or a sample cannot be written as JSON.
    #[error("a schema or a sample of the design table cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The published contract cannot be read.
    #[error("the published contract in events/schemas/published cannot be read")]
    Published(#[from] PublishedError),
    /// A file cannot be written.
    #[error("{} cannot be written", .0.display())]
    File(PathBuf, #[source] std::io::Error),
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// Reports gaps in the shop's flow, and differences between the services and the design table.
#[must_use]
pub fn prove_design() -> Vec<Finding> {
    let functions: Vec<Function> =
        chorus_services::described().into_iter().map(|described| described.function).collect();
    chorus_design::prove(&TABLE, &functions)
}

/// Reports changes of the events' contract that break a release with an old contract. `against` is
/// the folder with the old contract's schemas, or a commit of the repository `root`. Without
/// `against`, the old contract is the published contract; if no contract was published, the result
/// is empty.
///
/// # Errors
/// If the old contract cannot be read.
pub fn prove_contract(
    root: &Path,
    against: Option<&str>,
) -> Result<Vec<Incompatibility>, PublishedError> {
    let old = match against {
        Some(against) => chorus_design::published_at(root, against, &TABLE)?,
        None if !root.join(PUBLISHED).exists() => return Ok(Vec::new()),
        None => chorus_design::published(&root.join(PUBLISHED), &TABLE)?,
    };
    let new = Contract::of(&TABLE).map_err(PublishedError::Table)?;
    Ok(compare(&old, &new))
}

/// Adds the current contract to the published contract, and returns the number of new schemas.
///
/// # Errors
/// [`NotWritten`]; nothing is written if the contract is incompatible.
pub fn publish_contract(root: &Path) -> Result<usize, NotWritten> {
    write(root, incompatible(root)?, &[])?;
    Ok(chorus_design::publish(&root.join(PUBLISHED), &TABLE)?)
}

fn incompatible(root: &Path) -> Result<Vec<Finding>, NotWritten> {
    Ok(prove_contract(root, None)?.into_iter().map(Finding::from).collect())
}

/// Reports excessive permissions in the template, and differences between the template and the
/// design table. `root` is the root of the repository.
#[must_use]
pub fn prove_template(root: &Path) -> Vec<Finding> {
    let stack = shop(root);
    let mut findings = check(&synthesize(&stack).document(), &stack);
    findings.extend(check_beside(&gatekeeper(&stack, ENTERPRISE_BUS).document(), &stack));
    let stack = shop_in_two_regions(root);
    findings.extend(check_in_two_regions(&two_regions(&stack).document(), &stack));
    findings
}

/// Writes the schemas, samples and documentation of the design table, and returns the number of
/// files.
///
/// # Errors
/// [`NotWritten`]; nothing is written if the checks have findings.
pub fn write_design(root: &Path) -> Result<usize, NotWritten> {
    let mut files = files(&TABLE, SOURCE)?;
    let page = security_page(root).map(|(path, content)| GeneratedFile { path, content });
    files.extend(page);
    files.push(carrier_contract()?);
    write(root, [prove_design(), incompatible(root)?].concat(), &files)?;
    Ok(files.len())
}

/// Makes the templates of the stack, of its schema registry, of the enterprise's bus, and of the
/// stack in two regions.
///
/// # Errors
/// If a schema cannot be written as JSON.
pub fn printed(root: &Path) -> serde_json::Result<[GeneratedFile; 4]> {
    let file = |path: &str, template: &Template| GeneratedFile {
        path: path.to_owned(),
        content: template.to_yaml(),
    };
    let stack = shop(root);
    Ok([
        file("template.yaml", &synthesize(&stack)),
        file(SCHEMA_REGISTRY, &schema_registry(&TABLE)?),
        file(GATEKEEPER, &gatekeeper(&stack, ENTERPRISE_BUS)),
        file(TWO_REGIONS, &two_regions(&shop_in_two_regions(root))),
    ])
}

/// Makes the contract for carriers.
///
/// # Errors
/// If the contract cannot be written as JSON.
pub fn carrier_contract() -> serde_json::Result<GeneratedFile> {
    let content = serde_json::to_string_pretty(&document())? + "\n";
    Ok(GeneratedFile { path: CONTRACT_PATH.to_owned(), content })
}

/// Writes `template.yaml`, and the templates of the schema registry, of the enterprise's bus, and
/// of the stack in two regions.
///
/// # Errors
/// [`NotWritten`]; nothing is written if the checks have findings.
pub fn write_template(root: &Path) -> Result<(), NotWritten> {
    let findings = [prove_design(), prove_template(root)].concat();
    write(root, findings, &printed(root)?)
}

fn write(root: &Path, findings: Vec<Finding>, files: &[GeneratedFile]) -> Result<(), NotWritten> {
    if !findings.is_empty() {
        return Err(NotWritten::Refused(findings));
    }
    if !root.join(SOURCE).exists() {
        return Err(NotWritten::Elsewhere(root.to_owned()));
    }
    for file in files {
        let path = root.join(&file.path);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| std::fs::write(&path, &file.content))
            .map_err(|error| NotWritten::File(path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("events/src")).unwrap();
        std::fs::write(root.path().join(SOURCE), "").unwrap();
        root
    }

    fn file() -> GeneratedFile {
        GeneratedFile { path: "docs/DESIGN-TABLE.md".to_owned(), content: "rows".to_owned() }
    }

    #[test]
    fn what_derives_is_written() {
        let root = repository();
        write(root.path(), Vec::new(), &[file()]).unwrap();
        let written = std::fs::read_to_string(root.path().join(file().path)).unwrap();
        assert_eq!(written, file().content);
    }

    #[test]
    fn nothing_is_written_of_what_the_check_refuses() {
        let root = repository();
        let findings = vec![Finding::new("Count", "has no action", "Register it")];
        let error = write(root.path(), findings, &[file()]).unwrap_err();
        let message =
            "Count: has no action. Register it.\nnothing is written until these findings are fixed";
        assert_eq!(error.to_string(), message);
        assert!(!root.path().join("docs").exists());
    }

    #[test]
    fn nothing_is_written_outside_of_the_repository() {
        let elsewhere = tempfile::tempdir().unwrap();
        let error = write(elsewhere.path(), Vec::new(), &[file()]).unwrap_err();
        assert!(matches!(error, NotWritten::Elsewhere(_)), "{error}");
    }
}
