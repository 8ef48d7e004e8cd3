//! A copy of a data directory.

use std::fs;
use std::path::Path;

use chorus_local::{holds_engine, is_in_use};
use tempfile::TempDir;

use super::UpgradeError;

/// Copies the files of the shop in `data` into a temporary directory. Dropping the returned value
/// removes the directory.
///
/// # Errors
/// If `data` contains no shop, if a shop is running there, or if a file cannot be copied.
pub(super) fn of(data: &Path) -> Result<TempDir, UpgradeError> {
    if !holds_engine(data) {
        return Err(UpgradeError::NoShop(data.to_owned()));
    }
    let failed = |error| UpgradeError::Copy(data.to_owned(), error);
    let copy = tempfile::tempdir().map_err(failed)?;
    copy_files(data, copy.path()).map_err(failed)?;
    // Check this after the copy, to notice a shop that was started during the copy.
    if is_in_use(data) {
        return Err(UpgradeError::InUse(data.to_owned()));
    }
    Ok(copy)
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
