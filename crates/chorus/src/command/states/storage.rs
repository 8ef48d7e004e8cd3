//! A folder that replaces S3: buckets are folders, objects are files.

use std::path::{Path, PathBuf};

use serde_json::json;
use states::{Json, Mocks, Reply, TaskRequest, Tasks};

/// Mocks, and a folder that distributed Maps read from and write to.
pub(super) struct Storage {
    pub(super) mocks: Mocks,
    pub(super) folder: Option<PathBuf>,
}

impl Tasks for Storage {
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String> {
        let call = request.resource.arn().rsplit(':').next().unwrap_or_default();
        let is_storage = request.resource.arn().contains(":states:::s3:");
        let Some(folder) = self.folder.as_ref().filter(|_| is_storage) else {
            return self.mocks.call(request);
        };
        let text = |name: &str| request.input.get(name).and_then(Json::as_str).unwrap_or_default();
        let bucket = inside(folder, text("Bucket"))?;
        match call {
            "getObject" => {
                let file = inside(&bucket, text("Key"))?;
                Ok(match std::fs::read_to_string(&file) {
                    Ok(content) => Reply::output(Json::from(content)),
                    Err(error) => Reply::error(
                        "S3.NoSuchKeyException",
                        format!("{}: {error}", file.display()),
                    ),
                })
            }
            "listObjectsV2" => Ok(match listed(&bucket, text("Prefix")) {
                Ok(objects) => Reply::output(Json::Array(objects)),
                Err(error) => {
                    let cause = format!("{}: {error}", bucket.display());
                    Reply::error("S3.NoSuchBucketException", cause)
                }
            }),
            "putObject" => {
                let file = inside(&bucket, text("Key"))?;
                let body = request.input.get("Body").cloned().unwrap_or_default();
                write_object(&file, &body)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                Ok(Reply::output(Json::empty_object()))
            }
            other => Err(format!(
                "--s3 supports only getObject, listObjectsV2 and putObject, not {other}"
            )),
        }
    }
}

/// Returns the path of `name` below `folder`; refuses absolute paths and `..`.
fn inside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let steps_out =
        Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_)));
    if name.is_empty() || steps_out {
        return Err(format!(
            "'{name}' names no bucket or object: use a relative path without `..`"
        ));
    }
    Ok(folder.join(name))
}

fn write_object(file: &Path, body: &Json) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A string is written without quotes, any other value as JSON.
    std::fs::write(file, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
}

/// Lists the objects of a bucket whose keys begin with `prefix`, in the order of their keys.
fn listed(bucket: &Path, prefix: &str) -> std::io::Result<Vec<Json>> {
    let mut found = Vec::new();
    let mut pending = vec![bucket.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (path, data) = (entry.path(), entry.metadata()?);
            if data.is_dir() {
                pending.push(path);
            } else if let Ok(key) = path.strip_prefix(bucket) {
                found.push((key.to_string_lossy().into_owned(), data.len()));
            }
        }
    }
    found.retain(|(key, _)| key.starts_with(prefix));
    found.sort();
    let object = |(key, size): (String, u64)| {
        Json::from(json!({ "Key": key, "Size": size, "StorageClass": "STANDARD" }))
    };
    Ok(found.into_iter().map(object).collect())
}
