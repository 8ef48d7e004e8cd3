//! Writes explanations for people.

use std::fmt;

use super::{Alternative, Explanation, FieldVerdict, Outcome};

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decided_by {
            None => write!(formatter, "match")?,
            Some(path) => write!(formatter, "no match: {path} decided")?,
        }
        if self.alternatives > 1 {
            let (number, all) = (self.alternative + 1, self.alternatives);
            write!(formatter, " (alternative {number} of {all}: {})", self.place)?;
        }
        for field in &self.fields {
            write!(formatter, "\n  {field}")?;
        }
        for other in &self.others {
            write!(formatter, "\n{other}")?;
        }
        for hint in &self.hints {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Alternative {
    /// Writes the alternative and its failing fields.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alternative, place, decided_by, fields } = self;
        write!(
            formatter,
            "no match in alternative {} ({place}): {decided_by} decided",
            alternative + 1
        )?;
        for field in fields.iter().filter(|field| field.outcome.is_against()) {
            write!(formatter, "\n  {field}")?;
        }
        Ok(())
    }
}

impl FieldVerdict {
    /// Returns the values of the field in words, each with its place in the event.
    fn values(&self) -> String {
        let mut values = match self.held.as_slice() {
            [] => format!("{} is absent", self.path),
            [only] => format!("{} is {}", only.at, only.value),
            several => {
                let each: Vec<String> =
                    several.iter().map(|held| format!("{} ({})", held.value, held.at)).collect();
                format!("{} is {}", self.path, each.join(", "))
            }
        };
        if self.more > 0 {
            values.push_str(&format!(", and {} more not shown", self.more));
        }
        values
    }
}

impl fmt::Display for FieldVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked.join(" or ");
        let (path, values) = (&self.path, self.values());
        match &self.outcome {
            Outcome::Met { value, at, asked } => {
                write!(formatter, "+ {at} is {value}, as asked: {asked}")
            }
            Outcome::Absent if self.held.is_empty() => {
                write!(formatter, "+ {path} is absent, as asked: {asked}")
            }
            Outcome::Absent => write!(
                formatter,
                "+ {path} is absent from the array element that the other fields matched, as \
                 asked: {asked}"
            ),
            Outcome::NoValue { found, absence_accepted: true } => write!(
                formatter,
                "+ {path} is {found}, which has no value that a pattern can match, as asked: {asked}"
            ),
            Outcome::NoValue { found, absence_accepted: false } => write!(
                formatter,
                "- {path} is {found}, which has no value that a pattern can match; asked: {asked}"
            ),
            Outcome::Missing | Outcome::Present | Outcome::Unmet => {
                write!(formatter, "- {values}; asked: {asked}")
            }
            Outcome::OtherElement { element, elsewhere } => {
                if self.held.is_empty() {
                    write!(formatter, "- {path} is absent from {element}")?;
                } else {
                    let held: Vec<_> = self
                        .held
                        .iter()
                        .map(|held| format!("{} is {}", held.at, held.value))
                        .collect();
                    write!(formatter, "- {}", held.join(", "))?;
                }
                write!(
                    formatter,
                    ", where the fields above are met; asked: {asked}; {} at {} is in another element",
                    elsewhere.value, elsewhere.at
                )?;
                // `more` also counts the value of `elsewhere`, which is shown above.
                match self.more.saturating_sub(1) {
                    0 => Ok(()),
                    more => write!(formatter, ", and {more} more not shown"),
                }
            }
            Outcome::Undecided => write!(formatter, "  {values}; asked: {asked}"),
        }
    }
}
