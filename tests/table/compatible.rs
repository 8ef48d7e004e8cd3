//! Edits of a published schema: each incompatible edit is reported with the rows that it breaks; a
//! compatible edit is not reported.

use chorus_design::{Contract, Direction, Incompatibility, Version, compare};
use chorus_events::table::TABLE;
use serde_json::{Value, json};

mod edits;

use edits::{Breaks, Edit};

/// The rows of the design table whose actions read `OrderCreated`.
const READERS: [&str; 6] = [
    "CountOrder",
    "PrepareDeclaration",
    "ProjectOrder",
    "ReserveItem",
    "ReviewOrder",
    "SignUpdate",
];

fn version() -> Version {
    Version { event: "OrderCreated".to_owned(), number: 1 }
}

fn contract() -> Contract {
    Contract::of(&TABLE).unwrap()
}

/// The contract, with `schema` as the schema of `OrderCreated`.
fn with(contract: &Contract, schema: Value) -> Contract {
    let mut contract = contract.clone();
    contract.schemas.insert(version(), vec![schema]);
    contract
}

fn directions(found: &[Incompatibility], path: &str) -> Breaks {
    let there = |direction| {
        found.iter().any(|it| it.direction == direction && it.path == path && it.rows == READERS)
    };
    match (there(Direction::NewProducersOldConsumers), there(Direction::OldEventsNewConsumers)) {
        (false, false) => Breaks::Nobody,
        (true, false) => Breaks::OldConsumers,
        (false, true) => Breaks::NewConsumers,
        (true, true) => Breaks::Both,
    }
}

/// Which consumers break when the schema changes from `before` to `after`. Fails if a finding is at
/// a path that `edit` does not name.
fn judged(edit: &Edit, before: Value, after: Value, contract: &Contract) -> Breaks {
    let found = compare(&with(contract, before), &with(contract, after));
    let elsewhere = found.iter().find(|it| !edit.paths.contains(&it.path.as_str()));
    assert_eq!(elsewhere, None, "{}", edit.name);
    let remedies = found.iter().all(|it| it.remedy.contains("version 2"));
    assert!(remedies && found.iter().all(|it| it.event == "OrderCreated"), "{found:?}");
    let each = edit.paths.iter().map(|path| directions(&found, path));
    each.reduce(Breaks::and).unwrap_or(Breaks::Nobody)
}

#[test]
fn every_edit_is_judged_in_both_directions_and_so_is_its_undoing() {
    let mut contract = contract();
    contract.schemas.retain(|known, _| *known == version());
    let mut wrong = Vec::new();
    let edits = edits::all();
    assert!(edits.len() >= 60, "{}", edits.len());
    for edit in &edits {
        let base = &contract.schemas[&version()][0];
        let (before, after) = (edit.before(base), edit.after(base));
        let there = judged(edit, before.clone(), after.clone(), &contract);
        let back = judged(edit, after, before, &contract);
        if there != edit.breaks || back != edit.breaks.mirrored() {
            wrong
                .push(format!("{}: {there:?} and back {back:?}, not {:?}", edit.name, edit.breaks));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_contract_is_compatible_with_itself() {
    assert_eq!(compare(&contract(), &contract()), []);
}

#[test]
fn rows_are_hit_by_what_they_read() {
    let (mut old, new) = (contract(), contract());
    let reads = old.readers.0.get_mut(&version()).unwrap();
    for (row, places) in reads.iter_mut() {
        if row != "PrepareDeclaration" {
            places.remove("country");
        }
    }
    let mut schema = old.schemas[&version()][0].clone();
    schema["properties"].as_object_mut().unwrap().remove("country");
    schema["required"].as_array_mut().unwrap().retain(|name| name != "country");
    let found = compare(&old, &with(&new, schema));
    let hit: Vec<(&str, &[String])> =
        found.iter().map(|it| (it.path.as_str(), it.rows.as_slice())).collect();
    assert_eq!(hit, [("country", ["PrepareDeclaration".to_owned()].as_slice())]);
}

#[test]
fn what_only_the_event_log_reads_affects_no_row_and_is_reported_all_the_same() {
    let (old, mut new) = (contract(), contract());
    let version = Version { event: "CustomsDeclared".to_owned(), number: 1 };
    let schema = &mut new.schemas.get_mut(&version).unwrap()[0];
    schema["properties"]["country"] = json!({ "type": "integer" });
    let found = compare(&old, &new);
    assert!(!found.is_empty() && found.iter().all(|it| it.rows.is_empty()), "{found:?}");
}

#[test]
fn a_version_that_is_gone_hits_the_rows_that_read_it_and_are_there_still() {
    let (old, mut new) = (contract(), contract());
    new.schemas.remove(&version());
    let found = compare(&old, &new);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].direction, found[0].rows.len()),
        (Direction::OldEventsNewConsumers, READERS.len())
    );
    new.rows.clear();
    assert_eq!(compare(&old, &new), []);
}

#[test]
fn a_public_event_only_gains_optional_fields() {
    let public = Version { event: "ShopOrderDelivered".to_owned(), number: 1 };
    let (old, mut new) = (contract(), contract());
    let judged = |new: &Contract| {
        let found = compare(&old, new).into_iter();
        let found = found.filter(|it| it.problem.contains("may only gain optional fields"));
        found.map(|it| format!("{} {}", it.path, it.problem)).collect::<Vec<_>>()
    };
    let published = new.schemas[&public][0].clone();
    let mut edited = |edit: fn(&mut Value)| {
        let mut schema = published.clone();
        edit(&mut schema);
        new.schemas.insert(public.clone(), vec![schema]);
        judged(&new)
    };
    let gained = edited(|it| {
        it["properties"]["parcels"] = json!({ "description": "How many.", "type": "integer" });
        it["properties"]["total"]["description"] = json!("What was paid.");
    });
    assert_eq!(gained, [""; 0]);
    let optional =
        edited(|it| it["required"].as_array_mut().unwrap().retain(|name| name != "total"));
    assert!(optional[0].starts_with("total is no longer required"), "{optional:?}");
    let gone = edited(|it| drop(it["properties"].as_object_mut().unwrap().remove("total")));
    assert!(gone.iter().any(|it| it.starts_with("total was removed")), "{gone:?}");
    let narrower = edited(|it| it["$defs"]["Currency"]["enum"] = json!(["EUR"]));
    assert!(narrower[0].starts_with("Currency differs"), "{narrower:?}");
    new.schemas.remove(&public);
    assert!(!compare(&old, &new).is_empty(), "other accounts may still read it");
}

#[test]
fn every_schema_that_a_version_has_had_is_compared() {
    let (mut old, new) = (contract(), contract());
    let mut further = old.schemas[&version()][0].clone();
    further["properties"]["gift"] = json!({ "type": "string" });
    old.schemas.get_mut(&version()).unwrap().push(further);
    let mut other = new.schemas[&version()][0].clone();
    other["properties"]["gift"] = json!({ "type": "boolean" });
    let found = compare(&old, &with(&new, other));
    assert!(found.iter().any(|it| it.path == "gift"), "{found:?}");
}
