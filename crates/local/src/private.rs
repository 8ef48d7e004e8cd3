//! Files and directories that only their owner may read: they hold people's data, and the keys that
//! encrypt it.

use std::io;
use std::path::Path;

/// Creates the directory, and those above it that are missing. If the directory exists already, its
/// permissions stay as they are, because others may use it, too.
///
/// # Errors
/// If it cannot be created.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Creates an empty file, or removes everybody's access but the owner's from an existing one,
/// before SQLite opens it. SQLite gives a file's log the permissions of the file.
///
/// # Errors
/// If it cannot be created, or belongs to somebody else and is open to others.
pub(crate) fn create_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let owners = || PermissionsExt::from_mode(0o600);
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(owners())?;
            for suffix in ["-wal", "-shm"] {
                let mut log = path.as_os_str().to_owned();
                log.push(suffix);
                if Path::new(&log).exists() {
                    std::fs::set_permissions(&log, owners())?;
                }
            }
        }
    }
    Ok(())
}
