//! Compares the numbers that two schemas allow: by bounds, by a format's bounds, and by multiples.

use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};
use serde_json::Value;

use super::schema::Alternative;

/// A bound and whether it is exclusive.
type End = (BigDecimal, bool);

/// The numbers that an [`Alternative`] (one way to satisfy a schema) allows.
#[derive(Debug, Default)]
struct Numbers {
    least: Option<End>,
    most: Option<End>,
    multiples: Vec<BigDecimal>,
    whole: bool,
}

/// Describes the numbers that `writer` allows and `reader` does not accept. Each description is the
/// end of a sentence that begins with the path of the number's field.
pub(super) fn refused(writer: &Alternative<'_>, reader: &Alternative<'_>) -> Vec<String> {
    let (written, read) = (Numbers::of(writer), Numbers::of(reader));
    let mut problems = Vec::new();
    if read.whole && !written.whole {
        problems.push("may be a number that is not whole, which consumers reject".to_owned());
    }
    if let Some(end) = read.least {
        let within =
            written.least.is_some_and(|own| own.0 > end.0 || (own.0 == end.0 && own.1 >= end.1));
        if !within {
            let or = if end.1 { "at or below" } else { "below" };
            problems.push(format!("may be {or} {}, which consumers reject", end.0.normalized()));
        }
    }
    if let Some(end) = read.most {
        let within =
            written.most.is_some_and(|own| own.0 < end.0 || (own.0 == end.0 && own.1 >= end.1));
        if !within {
            let or = if end.1 { "at or above" } else { "above" };
            problems.push(format!("may be {or} {}, which consumers reject", end.0.normalized()));
        }
    }
    for step in read.multiples {
        let whole = written.whole.then(|| BigDecimal::from(1));
        let fits = |own: &BigDecimal| (own % &step).is_zero();
        if !written.multiples.iter().chain(&whole).any(fits) {
            problems.push(format!(
                "may be a number that is not a multiple of {}, which consumers reject",
                step.normalized()
            ));
        }
    }
    problems
}

impl Numbers {
    fn of(alternative: &Alternative<'_>) -> Self {
        let mut numbers = Self { whole: alternative.whole_numbers(), ..Self::default() };
        numbers.multiples = alternative
            .each("multipleOf")
            .filter_map(decimal)
            .filter(|step| !step.is_zero())
            .collect();
        numbers.whole |= numbers.multiples.iter().any(BigDecimal::is_integer);
        for (keyword, open) in [("minimum", false), ("exclusiveMinimum", true)] {
            alternative
                .each(keyword)
                .filter_map(decimal)
                .for_each(|end| numbers.at_least((end, open)));
        }
        for (keyword, open) in [("maximum", false), ("exclusiveMaximum", true)] {
            alternative
                .each(keyword)
                .filter_map(decimal)
                .for_each(|end| numbers.at_most((end, open)));
        }
        for (least, most) in alternative.each("format").filter_map(range) {
            numbers.at_least((least, false));
            numbers.at_most((most, false));
        }
        numbers
    }

    fn at_least(&mut self, end: End) {
        let end = if self.whole { whole_end(end, 1) } else { end };
        if self.least.as_ref().is_none_or(|own| (&end.0, end.1) > (&own.0, own.1)) {
            self.least = Some(end);
        }
    }

    fn at_most(&mut self, end: End) {
        let end = if self.whole { whole_end(end, -1) } else { end };
        let tighter = |own: &End| end.0 < own.0 || (end.0 == own.0 && end.1 && !own.1);
        if self.most.as_ref().is_none_or(tighter) {
            self.most = Some(end);
        }
    }
}

/// Rounds a bound inwards to a whole number, and makes it inclusive. `inwards` is 1 for a lower
/// bound and -1 for an upper bound.
fn whole_end((end, open): End, inwards: i64) -> End {
    if end.is_integer() {
        return if open { (end + inwards, false) } else { (end, false) };
    }
    let mode = match inwards {
        1 => bigdecimal::RoundingMode::Ceiling,
        _ => bigdecimal::RoundingMode::Floor,
    };
    (end.with_scale_round(0, mode), false)
}

fn decimal(value: &Value) -> Option<BigDecimal> {
    value.as_number().and_then(|number| BigDecimal::from_str(&number.to_string()).ok())
}

/// The least and the greatest number of a format that names an integer type, such as `uint8`.
fn range(format: &Value) -> Option<(BigDecimal, BigDecimal)> {
    let (signed, bits) = match format.as_str()? {
        "int" => (true, 64),
        "uint" => (false, 64),
        name => match name.strip_prefix("uint") {
            Some(bits) => (false, bits.parse::<u32>().ok()?),
            None => (true, name.strip_prefix("int")?.parse::<u32>().ok()?),
        },
    };
    let power = |bits: u32| (0..bits).fold(BigDecimal::from(1), |power, _| power * 2);
    match (signed, bits) {
        (_, 0 | 129..) => None,
        (true, bits) => Some((-power(bits - 1), power(bits - 1) - 1)),
        (false, bits) => Some((BigDecimal::zero(), power(bits) - 1)),
    }
}
