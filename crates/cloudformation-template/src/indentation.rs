//! Lets text in brackets or quotation marks be indented less than the key that it belongs to. YAML
//! 1.2 forbids that, and the parser with it; YAML 1.1, and so every tool of CloudFormation, takes it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::{TemplateError, TemplateFault};
use crate::yaml::Document;

/// What a line is indented by in addition; between brackets and quotation marks it means nothing.
const MORE: usize = 200;
/// How many bytes are parsed again at most, over all attempts at one text.
const MOST_PARSED_AGAIN: usize = 64 << 20;

/// A text, some of whose lines are indented more than they were written.
pub(crate) struct Indented<'t> {
    pub(crate) text: Cow<'t, str>,
    lines: BTreeSet<usize>,
    parsed_again: usize,
}

impl<'t> Indented<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text: Cow::Borrowed(text), lines: BTreeSet::new(), parsed_again: 0 }
    }

    /// Indents what `error` finds not indented enough; false where that is not what it is about.
    pub(crate) fn mend(&mut self, error: &TemplateError) -> bool {
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
        let mut text = String::with_capacity(self.text.len() + added.len() * MORE);
        for (number, line) in (1..).zip(self.text.split_inclusive('\n')) {
            if added.contains(&number) {
                text.extend(std::iter::repeat_n(' ', MORE));
            }
            text.push_str(line);
        }
        self.text = Cow::Owned(text);
        true
    }

    /// The lines of a quoted text behind its first.
    fn rest_of_quoted(&self, line: usize, column: usize) -> std::ops::RangeInclusive<usize> {
        let mut rest = self.text.split_inclusive('\n').skip(line - 1).flat_map(str::chars);
        let Some(quote) = rest.nth(column - 1) else { return line..=line };
        let mut end = line;
        while let Some(next) = rest.next() {
            match next {
                '\\' if quote == '"' => end += usize::from(rest.next() == Some('\n')),
                '\n' => end += 1,
                // A doubled apostrophe is one.
                '\'' if quote == next && rest.clone().next() == Some(quote) => drop(rest.next()),
                next if next == quote => break,
                _ => {}
            }
        }
        line + 1..=end
    }

    /// An error with the place that it has in the text as it was written.
    pub(crate) fn error_as_written(&self, mut error: TemplateError) -> TemplateError {
        error.column = self.column(error.line, error.column);
        error
    }

    /// A document with the places that its parts have in the text as it was written.
    pub(crate) fn as_written(&self, mut document: Document) -> Document {
        let duplicates = document.duplicates.iter_mut().map(|(_, place)| place);
        for place in document.locations.values_mut().chain(duplicates) {
            place.column = self.column(place.line, place.column);
        }
        document
    }

    fn column(&self, line: usize, column: usize) -> usize {
        if self.lines.contains(&line) { column.saturating_sub(MORE).max(1) } else { column }
    }
}
