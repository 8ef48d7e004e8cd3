//! After an import of Northwind, a public data set, stock and money add up; a second import changes
//! nothing.

use std::path::PathBuf;

use serde_json::Value;

use crate::well;

#[test]
fn northwinds_orders_all_end_and_its_books_add_up() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/northwind");
    if !folder.exists() {
        eprintln!("SKIPPED: Northwind is not here; put its CSV files in {}", folder.display());
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (folder, data) = (folder.display().to_string(), place.path().display().to_string());
    let import = || -> Value {
        serde_json::from_str(&well(&["import", &folder, "--data", &data, "--json"])).unwrap()
    };
    let first = import();
    let counted = |name: &str| first[name].as_u64().unwrap();
    assert_eq!((counted("products"), counted("customers")), (77, 91));
    assert_eq!((counted("orders"), counted("lines")), (830, 2155));
    assert_eq!(counted("delivered") + counted("canceled"), 830);
    assert!(counted("delivered") > 0, "{first}");
    let stock = |name: &str| first["stock"][name].as_u64().unwrap();
    assert_eq!(stock("received"), stock("available") + stock("sold"));
    assert_eq!(first["money"]["charged"], first["money"]["delivered"]);
    assert_eq!(first["problems"], serde_json::json!([]));
    assert_eq!(import(), first, "a second import must change nothing");
}
