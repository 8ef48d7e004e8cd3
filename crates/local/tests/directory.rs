//! Opens, backs up and restores directories. A directory with a missing file, a damaged file or a
//! file of another directory is refused.
#![allow(clippy::unwrap_used)]

mod harness;

use std::path::{Path, PathBuf};

use chorus_kernel::Publisher;
use chorus_local::{DirectoryError, Error, Local, LocalConfig, is_in_use, open_directory, restore};
use chorus_test_table::TABLE;
use harness::{always, entry, function, left_by_a_kill, rules_of};
use rusqlite::Connection;

const FILES: [&str; 2] = ["engine.db", "store.db"];
const NOBODY: [PathBuf; 0] = [];

fn open(directory: &Path) -> Result<Local, Error> {
    let (counting, _) = function("CountOrder", always);
    let mut config = LocalConfig::new(&TABLE, vec![counting]).data(directory);
    config.rules = rules_of(&["CountOrder"]);
    Local::open(config)
}

/// A directory in which an event was accepted, and which no process has open.
async fn used() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let local = open(directory.path()).unwrap();
    local.bus().put_events(&[entry("OrderCreated", "a", 1)]).await.unwrap();
    local.runner().shutdown(std::time::Duration::from_secs(5)).await.unwrap();
    directory
}

/// Opens the directory, and returns the error. The test fails if there is no error.
#[track_caller]
fn refusal(directory: &Path) -> DirectoryError {
    match open(directory) {
        Err(Error::Directory(error)) => error,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it opens"),
    }
}

#[tokio::test]
async fn a_directory_without_one_of_its_files_is_refused() {
    for file in FILES {
        let directory = used().await;
        std::fs::remove_file(directory.path().join(file)).unwrap();
        let error = refusal(directory.path());
        assert!(matches!(&error, DirectoryError::Missing(path) if path.ends_with(file)), "{error}");
        assert!(!directory.path().join(file).exists(), "none is made in its place");
    }
}

#[tokio::test]
async fn a_file_of_the_application_belongs_to_the_directory_too() {
    let directory = tempfile::tempdir().unwrap();
    open_directory(directory.path(), &["books.db"]).unwrap();
    drop(open(directory.path()).unwrap());
    std::fs::remove_file(directory.path().join("books.db")).unwrap();
    assert!(matches!(refusal(directory.path()), DirectoryError::Missing(_)));
}

#[tokio::test]
async fn a_file_of_another_directory_is_refused() {
    for file in FILES {
        let (directory, other) = (used().await, used().await);
        std::fs::copy(other.path().join(file), directory.path().join(file)).unwrap();
        let error = refusal(directory.path());
        assert!(matches!(error, DirectoryError::Foreign(_)), "{file}: {error}");
    }
}

#[tokio::test]
async fn a_copy_of_a_file_from_before_is_refused() {
    for file in FILES {
        let directory = used().await;
        let path = directory.path().join(file);
        let before = std::fs::read(&path).unwrap();
        drop(open(directory.path()).unwrap());
        std::fs::write(&path, before).unwrap();
        let error = refusal(directory.path());
        assert!(matches!(error, DirectoryError::Foreign(_)), "{file}: {error}");
    }
}

#[tokio::test]
async fn files_of_two_backups_cannot_be_mixed() {
    for file in FILES {
        let (directory, place) = (used().await, tempfile::tempdir().unwrap());
        let local = open(directory.path()).unwrap();
        let [first, second] = ["first", "second"].map(|name| place.path().join(name));
        local.backup(&first, Vec::new()).await.unwrap();
        local.backup(&second, Vec::new()).await.unwrap();
        std::fs::copy(first.join(file), second.join(file)).unwrap();
        let error = restore(&second, &place.path().join("to")).unwrap_err();
        assert!(matches!(error, DirectoryError::Foreign(_)), "{file}: {error}");
    }
}

#[tokio::test]
async fn a_process_that_died_while_it_renewed_the_id_has_lost_nothing() {
    let directory = used().await;
    let journal = Connection::open(directory.path().join("engine.db")).unwrap();
    let renewing = "UPDATE chorus_directory SET previous = id, id = 'next', complete = 0";
    journal.execute(renewing, []).unwrap();
    drop(journal);
    drop(open(directory.path()).unwrap());
    drop(open(directory.path()).unwrap());
}

#[tokio::test]
async fn a_killed_process_whose_write_ahead_log_is_missing_is_not_continued() {
    let directory = used().await;
    let local = open(directory.path()).unwrap();
    local.bus().put_events(&[entry("OrderCreated", "b", 2)]).await.unwrap();
    for file in FILES {
        let left = left_by_a_kill(directory.path());
        let log = left.path().join(format!("{file}-wal"));
        std::fs::remove_file(&log).unwrap();
        assert!(!is_in_use(left.path()), "and asking creates no log");
        for _ in 0..2 {
            let error = refusal(left.path());
            assert!(matches!(&error, DirectoryError::LogMissing(path) if *path == log), "{error}");
        }
        let to = left.path().with_extension("restored");
        let error = restore(left.path(), &to).unwrap_err();
        assert!(matches!(&error, DirectoryError::LogMissing(path) if *path == log), "{error}");
        assert!(!to.exists());
    }
    let whole = left_by_a_kill(directory.path());
    drop(local);
    for _ in 0..2 {
        drop(open(whole.path()).unwrap());
        drop(open(directory.path()).unwrap());
    }
}

#[tokio::test]
async fn a_refusal_after_a_log_was_merged_leaves_a_directory_that_opens() {
    let directory = used().await;
    let local = open(directory.path()).unwrap();
    let left = left_by_a_kill(directory.path());
    let (store, moved) = (left.path().join("store.db"), left.path().join("moved"));
    std::fs::rename(&store, &moved).unwrap();
    assert!(matches!(refusal(left.path()), DirectoryError::Missing(_)));
    assert!(!left.path().join("engine.db-wal").exists(), "it was merged");
    std::fs::rename(&moved, &store).unwrap();
    drop(open(left.path()).unwrap());
    drop(local);
}

#[tokio::test]
async fn a_file_that_a_newer_release_wrote_is_refused() {
    for file in FILES {
        let directory = used().await;
        let written = Connection::open(directory.path().join(file)).unwrap();
        written.execute("UPDATE chorus_directory SET format = 2", []).unwrap();
        drop(written);
        let error = refusal(directory.path());
        assert!(matches!(error, DirectoryError::Newer { found: 2, .. }), "{file}: {error}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_never_an_empty_shop() {
    for file in FILES {
        for damage in ["garbage", "a page of garbage", "cut off", "emptied"] {
            let directory = used().await;
            let path = directory.path().join(file);
            let whole = std::fs::read(&path).unwrap();
            let left = match damage {
                "garbage" => b"this is not a database".to_vec(),
                "a page of garbage" => {
                    let mut damaged = whole;
                    damaged[4_096..8_192].fill(0xaa);
                    damaged
                }
                "cut off" => whole[..whole.len() - 4_096].to_vec(),
                _ => Vec::new(),
            };
            std::fs::write(&path, left).unwrap();
            let error = refusal(directory.path());
            let named = matches!(
                error,
                DirectoryError::Damaged { .. }
                    | DirectoryError::Foreign(_)
                    | DirectoryError::Missing(_)
            );
            assert!(named, "{file}, {damage}: {error}");
        }
    }
}

#[tokio::test]
async fn a_directory_that_was_half_made_is_made_to_its_end() {
    let directory = used().await;
    let journal = Connection::open(directory.path().join("engine.db")).unwrap();
    journal.execute("UPDATE chorus_directory SET complete = 0", []).unwrap();
    drop(journal);
    std::fs::remove_file(directory.path().join("store.db")).unwrap();
    drop(open(directory.path()).unwrap());
    drop(open(directory.path()).unwrap());
}

#[tokio::test]
async fn a_backup_is_checked_before_it_becomes_a_directory() {
    let (directory, place) = (used().await, tempfile::tempdir().unwrap());
    let (backup, to) = (place.path().join("backup"), place.path().join("to"));
    let local = open(directory.path()).unwrap();
    local.backup(&backup, Vec::new()).await.unwrap();
    let again = local.backup(&backup, Vec::new()).await.unwrap_err();
    assert!(matches!(again, Error::Directory(DirectoryError::Occupied(_))), "{again}");
    assert!(matches!(refusal(&backup), DirectoryError::Backup(_)));
    restore(&backup, &to).unwrap();
    drop(open(&to).unwrap());
    assert!(matches!(restore(&backup, &to), Err(DirectoryError::Occupied(_))));

    // The restored directory has a new id, so its store does not belong to the backup any more.
    let third = place.path().join("third");
    std::fs::copy(to.join("store.db"), backup.join("store.db")).unwrap();
    assert!(matches!(restore(&backup, &third), Err(DirectoryError::Foreign(_))));
    std::fs::remove_file(backup.join("store.db")).unwrap();
    assert!(matches!(restore(&backup, &third), Err(DirectoryError::Missing(_))));
    assert!(matches!(restore(place.path(), &third), Err(DirectoryError::NoBackup(_))));
    assert!(!third.exists());
}

/// The files in the directory that other users than their owner may read or write.
#[cfg(unix)]
fn open_to_others(directory: &Path) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.metadata().unwrap().permissions().mode() & 0o077 != 0).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_its_backup_and_what_is_restored_from_it_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup"));
    let local = open(&data).unwrap();
    local.backup(&backup, Vec::new()).await.unwrap();
    assert_eq!(open_to_others(&data), NOBODY, "while it is open, with SQLite's logs");
    drop(local);
    // The backup's files are made readable for others, as if somebody had copied the backup.
    for file in std::fs::read_dir(&backup).unwrap() {
        let path = file.unwrap().path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    restore(&backup, &place.path().join("to")).unwrap();
    std::fs::remove_dir_all(&backup).unwrap();
    open(&data).unwrap().backup(&backup, Vec::new()).await.unwrap();
    for directory in [&data, &backup, &place.path().join("to")] {
        assert_eq!(open_to_others(directory), NOBODY, "{}", directory.display());
    }
    assert_eq!(open_to_others(place.path()), NOBODY, "nobody else can enter them");
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_could_read_are_taken_from_them_when_the_directory_is_opened() {
    use std::os::unix::fs::PermissionsExt;
    let directory = used().await;
    for file in FILES {
        let path = directory.path().join(file);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let local = open(directory.path()).unwrap();
    assert_eq!(open_to_others(directory.path()), NOBODY);
    drop(local);
}

#[tokio::test]
async fn a_directory_that_a_backup_would_have_to_remove_is_left_to_its_owner() {
    let place = tempfile::tempdir().unwrap();
    let theirs = place.path().join("backup.partial");
    let shop = open(&theirs).unwrap();
    let directory = used().await;
    let local = open(directory.path()).unwrap();
    let refused = local.backup(&place.path().join("backup"), Vec::new()).await.unwrap_err();
    assert!(matches!(refused, Error::Directory(DirectoryError::Occupied(_))), "{refused}");
    shop.runner().shutdown(std::time::Duration::from_secs(5)).await.unwrap();
    drop(shop);
    let refused = local.backup(&place.path().join("backup"), Vec::new()).await.unwrap_err();
    assert!(matches!(refused, Error::Directory(DirectoryError::Occupied(_))), "{refused}");
    drop(open(&theirs).unwrap());
}

#[tokio::test]
async fn what_a_backup_did_not_put_there_is_not_removed_for_it() {
    let place = tempfile::tempdir().unwrap();
    let theirs = place.path().join("backup.partial").join("letters");
    std::fs::create_dir(theirs.parent().unwrap()).unwrap();
    std::fs::write(&theirs, "dear").unwrap();
    let directory = used().await;
    let local = open(directory.path()).unwrap();
    let refused = local.backup(&place.path().join("backup"), Vec::new()).await.unwrap_err();
    assert!(matches!(refused, Error::Directory(DirectoryError::Occupied(_))), "{refused}");
    assert!(theirs.exists());
}

/// A restore copies the journal first. The test imitates a restore that was interrupted after it
/// had copied the journal.
#[tokio::test]
async fn what_an_interrupted_restore_left_is_replaced_by_the_next_one() {
    let place = tempfile::tempdir().unwrap();
    let (backup, to) = (place.path().join("backup"), place.path().join("to"));
    let directory = used().await;
    open(directory.path()).unwrap().backup(&backup, Vec::new()).await.unwrap();
    let partial = place.path().join("to.partial");
    std::fs::create_dir(&partial).unwrap();
    std::fs::copy(backup.join("engine.db"), partial.join("engine.db")).unwrap();
    restore(&backup, &to).unwrap();
    assert!(to.join("store.db").exists() && !partial.exists());
}
