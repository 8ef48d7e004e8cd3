//! Parses a page of documentation into steps. A step is a block of code with the instruction in the
//! prose before it.

use std::fmt;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The instruction "Create `path`:", and the file's content.
    Create(PathBuf, String),
    /// The instruction "Append to `path`:", and the text, which is appended after an empty line.
    Append(PathBuf, String),
    /// The instruction "Insert into `path`, before `LINE`:", and the text.
    Insert { path: PathBuf, before: String, block: String },
    /// The instruction "Replace in `path`:", with the old block and the new one.
    Replace { path: PathBuf, old: String, new: String },
    /// A block of `sh`, which runs at the repository's root. `expected` has the lines of the `text`
    /// blocks after the script. If there are such lines, the output must contain each of them, and
    /// the script may fail. If there are none, the script must succeed.
    Run { script: String, expected: Vec<String> },
}

/// Writes which file the step edits, or the commands that it runs. The blocks of the page are left
/// out.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(path, _) => write!(f, "create {}", path.display()),
            Self::Append(path, _) => write!(f, "append to {}", path.display()),
            Self::Insert { path, .. } => write!(f, "insert into {}", path.display()),
            Self::Replace { path, .. } => write!(f, "replace in {}", path.display()),
            Self::Run { script, .. } => write!(f, "run {}", script.trim_end()),
        }
    }
}

/// Returns the steps of a Markdown page.
///
/// Panics on a block without an instruction in the prose before it.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut prose, mut replaced) = (String::new(), None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let fence = line.chars().take_while(|it| *it == '`').count();
        if fence < 3 {
            prose = if line.is_empty() { prose } else { format!("{prose}{line}\n") };
            continue;
        }
        let close = &line[..fence];
        let block: String = lines
            .by_ref()
            .take_while(|line| *line != close)
            .flat_map(|line| [line, "\n"])
            .collect();
        match (&line[fence..], replaced.take()) {
            (_, Some((path, old))) => steps.push(Step::Replace { path, old, new: block }),
            ("sh", None) => steps.push(Step::Run { script: block, expected: Vec::new() }),
            ("text", None) => {
                let Some(Step::Run { expected, .. }) = steps.last_mut() else {
                    panic!("no command before this block could print it:\n{block}")
                };
                let lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
                expected.extend(lines.map(str::to_owned));
            }
            _ => match edit(&prose, block) {
                Ok(step) => steps.push(step),
                Err(opened) => replaced = Some(opened),
            },
        }
        prose.clear();
    }
    assert_eq!(replaced, None, "a replacement must have a second block");
    steps
}

/// Returns the edit that the end of `prose` asks for. A replacement has two blocks, so its first
/// block is no edit yet: the error then contains the path and this block.
fn edit(prose: &str, block: String) -> Result<Step, (PathBuf, String)> {
    let sentence = prose.trim_end().replace('\n', " ");
    let verbs = ["Create `", "Append to `", "Insert into `", "Replace in `"];
    let at = verbs.iter().filter_map(|verb| sentence.rfind(verb)).max();
    let asked = at.map_or("", |at| &sentence[at..]);
    let quoted: Vec<&str> = asked.split('`').skip(1).step_by(2).collect();
    match (asked.split('`').next(), &quoted[..]) {
        (Some("Create "), [path]) => Ok(Step::Create(path.into(), block)),
        (Some("Append to "), [path]) => Ok(Step::Append(path.into(), block)),
        (Some("Insert into "), [path, before]) => {
            Ok(Step::Insert { path: path.into(), before: (*before).to_owned(), block })
        }
        (Some("Replace in "), [path]) => Err((path.into(), block)),
        _ => panic!("{sentence:?} does not say what to do with\n{block}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_says_what_to_do_with_a_block() {
        let page = "# A page\n\nIt is new. Create `a/b.md`:\n\n````markdown\n```sh\n```\n````\n\n\
            Append to `c`:\n```\nd\n```\nInsert into `e`, before `f(`:\n```\ng\n```\n\
            Replace in `h`:\n```\ni\n```\nby\n```\nj\n```\n\nRun it:\n\n```sh\nk\n```\nIt says\n\
            ```text\nl\n\nm\n```\n";
        let expected = [
            Step::Create("a/b.md".into(), "```sh\n```\n".to_owned()),
            Step::Append("c".into(), "d\n".to_owned()),
            Step::Insert { path: "e".into(), before: "f(".to_owned(), block: "g\n".to_owned() },
            Step::Replace { path: "h".into(), old: "i\n".to_owned(), new: "j\n".to_owned() },
            Step::Run { script: "k\n".to_owned(), expected: vec!["l".to_owned(), "m".to_owned()] },
        ];
        assert_eq!(steps(page), expected);
    }

    #[test]
    #[should_panic(expected = "does not say what to do with")]
    fn a_block_that_nobody_can_follow_is_refused() {
        steps("Consider:\n\n```rust\nfn main() {}\n```\n");
    }
}
