//! Files and directories that only their owner may read, because they contain people's data, and
//! the keys that encrypt the data.

use std::io;
use std::path::Path;

/// Creates the directory and its missing parents. An existing directory keeps its permissions,
/// because other users may need them.
///
/// # Errors
/// If the directory cannot be created.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Creates an empty file that only its owner may access, or restricts an existing file to its
/// owner. Call this before SQLite opens the file, because SQLite gives the file's log the same
/// permissions.
///
/// # Errors
/// If the file cannot be created, or is open to others and belongs to another user.
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
