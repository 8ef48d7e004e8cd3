//! Compares two schemas of arrays: the lengths, the leading items (`prefixItems`), and the
//! remaining items.

use serde_json::Value;

use super::containment::{self, Comparison, Kind, Problem};
use super::schema::{Alternative, Schema};

/// Reports arrays that `writer` allows and `reader` does not accept.
pub(super) fn refused(
    writer: &Alternative<'_>,
    reader: &Alternative<'_>,
    at: &Comparison,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (written, read) = (Lengths::of(writer), Lengths::of(reader));
    let mut narrower = |problem: String| problems.push(at.problem(Kind::Narrower, problem));
    if written.least < read.least {
        narrower(format!("may have fewer than {} items, which consumers reject", read.least));
    }
    if let Some(most) = read.most
        && written.most.is_none_or(|own| own > most)
    {
        narrower(format!("may have more than {most} items, which consumers reject"));
    }
    let unique = |one: &Alternative<'_>| one.each("uniqueItems").any(|it| it == &Value::Bool(true));
    if unique(reader) && !unique(writer) && written.most.is_none_or(|most| most > 1) {
        narrower("may have the same item twice, which consumers reject".to_owned());
    }
    let places = written.places.max(read.places);
    for place in 0..places {
        let there = written.most.is_none_or(|most| u64::try_from(place).is_ok_and(|it| it < most));
        if there {
            let inside = at.inside(&format!("[{place}]"));
            problems.extend(containment::refused(
                &item(writer, place),
                &item(reader, place),
                inside,
            ));
        }
    }
    let more = written.most.is_none_or(|most| u64::try_from(places).is_ok_and(|it| it < most));
    if more {
        let (own, other) = (item(writer, places), item(reader, places));
        problems.extend(containment::refused(&own, &other, at.inside("[]")));
    }
    problems
}

struct Lengths {
    least: u64,
    most: Option<u64>,
    /// The number of leading items for which `prefixItems` has a schema.
    places: usize,
}

impl Lengths {
    fn of(alternative: &Alternative<'_>) -> Self {
        let numbers = |keyword| alternative.each(keyword).filter_map(Value::as_u64);
        let places =
            alternative.each("prefixItems").filter_map(Value::as_array).map(Vec::len).max();
        let mut most = numbers("maxItems").min();
        for map in &alternative.maps {
            if map.get("items") == Some(&Value::Bool(false)) {
                let own =
                    map.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len) as u64;
                most = Some(most.map_or(own, |most| most.min(own)));
            }
        }
        let least = numbers("minItems").max().unwrap_or_default();
        Self { least, most, places: places.unwrap_or_default() }
    }
}

/// The schema of the item at index `place`.
pub(super) fn item<'d>(alternative: &Alternative<'d>, place: usize) -> Schema<'d> {
    let own = alternative.maps.iter().filter_map(|map| {
        let prefix = map.get("prefixItems").and_then(Value::as_array);
        prefix.and_then(|items| items.get(place)).or_else(|| map.get("items")).cloned()
    });
    Schema::of(alternative.root, own.collect())
}
