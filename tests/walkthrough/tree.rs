//! A copy of the repository, in which a test follows the steps of a page of the documentation.

use std::collections::BTreeSet;
use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::page::Step;

/// The root of a copy of the repository, and the target directory of the builds in this copy.
pub(crate) struct Tree {
    root: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Returns the tree in the folder `root`, and creates the folder. Builds of the tree write to
    /// `target`.
    pub(crate) fn new(root: PathBuf, target: PathBuf) -> Self {
        std::fs::create_dir_all(&root).unwrap();
        Self { root, target }
    }

    /// Puts hard links to the compiled third-party crates of the folder `built` into the target
    /// directory, so that a build in the tree does not compile them again. If the file system
    /// refuses a hard link, cargo compiles the crate.
    pub(crate) fn start_from(&self, built: &Path) {
        let profile = self.target.join("debug");
        if profile.exists() {
            return;
        }
        for folder in ["deps", "build"] {
            each_file(&built.join(folder), &profile.join(folder), &|from, to| {
                std::fs::hard_link(from, to).unwrap_or_default();
            });
        }
        // Cargo sets the times of these files when it uses them. If they were links, cargo would
        // treat the crates in `built` as changed.
        each_file(&built.join(".fingerprint"), &profile.join(".fingerprint"), &|from, to| {
            if std::fs::copy(from, to).is_ok() {
                let times = std::fs::metadata(from).unwrap();
                let times = FileTimes::new().set_modified(times.modified().unwrap());
                File::options().write(true).open(to).unwrap().set_times(times).unwrap();
            }
        });
    }

    /// Makes the tree a copy of `repository`, without ignored files. Files that do not differ stay
    /// untouched, so that cargo rebuilds only the crates that an earlier page's steps have changed.
    pub(crate) fn copy_of(&self, repository: &Path) {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(repository)
            .output()
            .unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let listed = String::from_utf8(listed.stdout).unwrap();
        let kept: BTreeSet<PathBuf> = listed
            .split_terminator('\0')
            .map(PathBuf::from)
            .filter(|path| repository.join(path).is_file())
            .collect();
        self.sweep(&self.root, &kept);
        for path in kept {
            let (from, to) = (repository.join(&path), self.root.join(&path));
            if std::fs::read(&to).ok() != Some(std::fs::read(&from).unwrap()) {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(&from, &to).unwrap();
            }
        }
    }

    /// Deletes the files that are not in `kept`, and the folders that become empty.
    fn sweep(&self, folder: &Path, kept: &BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.sweep(&path, kept);
                if std::fs::read_dir(&path).unwrap().next().is_none() {
                    std::fs::remove_dir(&path).unwrap();
                }
            } else if !kept.contains(path.strip_prefix(&self.root).unwrap()) {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }

    /// Follows a step.
    ///
    /// Panics if the step fails, or if the output lacks a line that the page shows.
    pub(crate) fn follow(&self, step: &Step) {
        match step {
            Step::Create(path, block) => {
                let path = self.root.join(path);
                assert!(!path.exists(), "{} already exists", path.display());
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, block).unwrap();
            }
            Step::Append(path, block) => self.edit(path, |text| format!("{text}\n{block}")),
            Step::Insert { path, before, block } => self.edit(path, |text| {
                let mut at = text.split_inclusive('\n').filter(|line| line.trim() == before);
                let (Some(line), None) = (at.next(), at.next()) else {
                    panic!("{} does not have exactly one line {before:?}", path.display())
                };
                text.replacen(line, &format!("{block}{line}"), 1)
            }),
            Step::Replace { path, old, new } => self.edit(path, |text| {
                let times = text.matches(old).count();
                assert_eq!(times, 1, "{} has {times} times:\n{old}", path.display());
                text.replacen(old, new, 1)
            }),
            Step::Run { script, expected } => self.run(script, expected),
        }
    }

    fn edit(&self, path: &Path, change: impl FnOnce(&str) -> String) {
        let whole = self.root.join(path);
        let before = std::fs::read_to_string(&whole)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        std::fs::write(&whole, change(&before)).unwrap();
    }

    fn run(&self, script: &str, expected: &[String]) {
        let output = Command::new("sh")
            .args(["-euc", script])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            // The build of this test has downloaded every crate that a page needs.
            .env("CARGO_NET_OFFLINE", "true")
            // The steps of a page compile each change once, so incremental builds would save
            // nothing.
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("RUSTFLAGS")
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .output()
            .unwrap();
        let (printed, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let well = output.status.success() || !expected.is_empty();
        assert!(well, "{script}ends with {}:\n{printed}{error}", output.status);
        for line in expected {
            let there = printed.contains(line) || error.contains(line);
            assert!(there, "{script}does not say\n{line}\nbut\n{printed}{error}");
        }
    }
}

/// Calls `take` with the path of each file in `from` and the corresponding path in `to`. Creates
/// the folders in `to`.
fn each_file(from: &Path, to: &Path, take: &impl Fn(&Path, &Path)) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (path, other) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            each_file(&path, &other, take);
        } else {
            take(&path, &other);
        }
    }
}
