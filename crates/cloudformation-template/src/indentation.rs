//! Accepts text in brackets or quotation marks that is indented less than the key to which the text
//! belongs. YAML 1.2 and the parser forbid this; YAML 1.1 and CloudFormation's tools accept it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::{TemplateError, TemplateFault};
use crate::yaml::Document;

/// How many spaces are added at the start of a line. Within brackets and quotation marks, these
/// spaces have no meaning.
const ADDED_SPACES: usize = 200;
/// How many bytes may be parsed again for one text, in all attempts together. Each attempt parses
/// the whole text.
const MOST_PARSED_AGAIN: usize = 64 << 20;

/// A text in which some lines have additional indentation.
pub(crate) struct Indented<'t> {
    pub(crate) text: Cow<'t, str>,
    lines: BTreeSet<usize>,
    parsed_again: usize,
}

impl<'t> Indented<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text: Cow::Borrowed(text), lines: BTreeSet::new(), parsed_again: 0 }
    }

    /// Indents the lines that `error` reports as not indented enough; returns false for any other
    /// error.
    pub(crate) fn indent_more(&mut self, error: &TemplateError) -> bool {
        let lines = match &error.fault {
            TemplateFault::Syntax(reason) if reason == "invalid indentation in quoted scalar" => {
                self.rest_of_quoted(error.line, error.column)
            }
            TemplateFault::Syntax(reason) if reason.starts_with("invalid indentation") => {
                error.line..=error.line
            }
            _ => return false,
        };
        let known = self.lines.len();
        let added: BTreeSet<usize> = lines.filter(|line| self.lines.insert(*line)).collect();
        self.parsed_again += self.text.len();
        if self.lines.len() == known || self.parsed_again > MOST_PARSED_AGAIN {
            return false;
        }
        let mut text = String::with_capacity(self.text.len() + added.len() * ADDED_SPACES);
        for (number, line) in (1..).zip(self.text.split_inclusive('\n')) {
            if added.contains(&number) {
                text.extend(std::iter::repeat_n(' ', ADDED_SPACES));
            }
            text.push_str(line);
        }
        self.text = Cow::Owned(text);
        true
    }

    /// The lines of a quoted text after its first line.
    fn rest_of_quoted(&self, line: usize, column: usize) -> std::ops::RangeInclusive<usize> {
        let mut rest = self.text.split_inclusive('\n').skip(line - 1).flat_map(str::chars);
        let Some(quote) = rest.nth(column - 1) else { return line..=line };
        let mut end = line;
        while let Some(next) = rest.next() {
            match next {
                '\\' if quote == '"' => end += usize::from(rest.next() == Some('\n')),
                '\n' => end += 1,
                // In single quotes, a doubled apostrophe stands for one apostrophe.
                '\'' if quote == next && rest.clone().next() == Some(quote) => drop(rest.next()),
                next if next == quote => break,
                _ => {}
            }
        }
        line + 1..=end
    }

    /// Converts an error's column to the column in the original text.
    pub(crate) fn error_as_written(&self, mut error: TemplateError) -> TemplateError {
        error.column = self.column(error.line, error.column);
        error
    }

    /// Converts all columns of a document to the columns in the original text.
    pub(crate) fn as_written(&self, mut document: Document) -> Document {
        let duplicates = document.duplicates.iter_mut().map(|(_, place)| place);
        for place in document.locations.values_mut().chain(duplicates) {
            place.column = self.column(place.line, place.column);
        }
        document
    }

    fn column(&self, line: usize, column: usize) -> usize {
        if self.lines.contains(&line) { column.saturating_sub(ADDED_SPACES).max(1) } else { column }
    }
}
