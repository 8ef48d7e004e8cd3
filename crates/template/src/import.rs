//! Imports the resources that were kept when their stack was deleted into a new stack of the same
//! name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::retention;

/// Why the resources that were kept when their stack was deleted cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the input must be the output of `aws cloudformation list-stack-resources`")]
    Unreadable(#[source] serde_json::Error),
    #[error(
        "the input must list a resource of the template with the status DELETE_SKIPPED: nothing \
         outlived this stack"
    )]
    NothingLeft,
}

/// The resources of a deleted stack, as `aws cloudformation list-stack-resources` prints them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    stack_resource_summaries: Vec<ListedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedResource {
    logical_resource_id: String,
    resource_status: String,
    #[serde(default)]
    physical_resource_id: String,
}

/// Returns an input of `aws cloudformation create-change-set --cli-input-json` that imports the
/// resources that outlived a stack. The input has the resources' identities, and a template with
/// these resources only, because an import cannot create resources. `document` is the template as
/// JSON; `listed` is the output of `aws cloudformation list-stack-resources` for the deleted stack.
///
/// # Errors
/// If `listed` cannot be read, or if none of the template's resources outlived the stack.
pub fn import(document: &Value, listed: &str) -> Result<Value, ImportError> {
    let listed: Listed = serde_json::from_str(listed).map_err(ImportError::Unreadable)?;
    let left = listed.stack_resource_summaries.into_iter();
    let left = left.filter(|resource| resource.resource_status == "DELETE_SKIPPED");
    let left: BTreeMap<String, String> = left
        .map(|resource| (resource.logical_resource_id, resource.physical_resource_id))
        .collect();
    let (mut resources, mut identities) = (Map::new(), Vec::new());
    for (id, physical_id) in &left {
        let resource = &document["Resources"][id];
        let kind = resource["Type"].as_str().unwrap_or_default();
        let Some(properties) = retention::identifier(kind) else { continue };
        let identifier = properties.iter().map(|property| {
            let of_pool = *property == "UserPoolId" && properties.len() > 1;
            let pool =
                || resource["Properties"][property]["Ref"].as_str().and_then(|it| left.get(it));
            let value = if of_pool { pool() } else { Some(physical_id) };
            ((*property).to_owned(), json!(value))
        });
        identities.push(json!({
            "LogicalResourceId": id,
            "ResourceType": kind,
            "ResourceIdentifier": identifier.collect::<Map<_, _>>(),
        }));
        let mut imported = resource.clone();
        imported["DeletionPolicy"] = json!("Retain");
        imported["UpdateReplacePolicy"] = json!("Retain");
        resources.insert(id.clone(), imported);
    }
    if resources.is_empty() {
        return Err(ImportError::NothingLeft);
    }
    let template = json!({
        "AWSTemplateFormatVersion": document["AWSTemplateFormatVersion"],
        "Parameters": document["Parameters"],
        "Conditions": document["Conditions"],
        "Resources": resources,
    });
    Ok(json!({
        "ChangeSetType": "IMPORT",
        "ResourcesToImport": identities,
        "TemplateBody": template.to_string(),
    }))
}
