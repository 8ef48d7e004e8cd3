//! The workloads: one pattern for each operator that `event-pattern` and `quamina` both support,
//! the rules of an order shop, and sets of one to ten thousand rules.

/// A set of patterns and the events to match.
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) patterns: Vec<String>,
    pub(crate) events: Vec<String>,
}

/// The names and patterns of workloads with one pattern: one workload for each operator that
/// `event-pattern` and `quamina` both support.
const SINGLE: [(&str, &str); 14] = [
    ("exact string", r#"{"detail-type": ["OrderCreated"]}"#),
    ("exact string, deep", r#"{"detail": {"data": {"order-id": ["1073459984"]}}}"#),
    ("exact number", r#"{"detail": {"metadata": {"version": [1]}}}"#),
    ("prefix", r#"{"detail-type": [{"prefix": "Order"}]}"#),
    ("suffix", r#"{"detail": {"data": {"status": [{"suffix": "en"}]}}}"#),
    ("equals-ignore-case", r#"{"detail-type": [{"equals-ignore-case": "ORDERcreated"}]}"#),
    ("wildcard", r#"{"detail": {"metadata": {"traceparent": [{"wildcard": "00-*-01"}]}}}"#),
    ("wildcard, inner", r#"{"detail": {"data": {"email": [{"wildcard": "*@example.*"}]}}}"#),
    ("numeric", r#"{"detail": {"data": {"total": [{"numeric": [">=", 1000]}]}}}"#),
    ("numeric range", r#"{"detail": {"data": {"total": [{"numeric": [">", 0, "<=", 250]}]}}}"#),
    ("exists", r#"{"detail": {"data": {"country": [{"exists": true}]}}}"#),
    ("exists: false", r#"{"detail": {"data": {"coupon": [{"exists": false}]}}}"#),
    ("anything-but", r#"{"detail": {"data": {"country": [{"anything-but": ["DE", "AT"]}]}}}"#),
    (
        "three fields",
        r#"{"source": ["com.orders"], "detail-type": ["OrderCreated"], "detail": {"data": {"country": ["DE"]}}}"#,
    ),
];

/// The patterns of the rules that select the events for the services of an order shop.
const SHOP: [&str; 16] = [
    r#"{"source": ["com.orders"], "detail-type": ["OrderCreated"]}"#,
    r#"{"source": ["com.inventory"], "detail-type": ["ItemReserved"]}"#,
    r#"{"source": ["com.inventory"], "detail-type": ["ItemDescribed"]}"#,
    r#"{"source": ["com.customers"], "detail-type": ["CustomerDescribed"]}"#,
    r#"{"source": ["com.delivery"], "detail-type": ["DeliveryEstimated"]}"#,
    r#"{"source": ["com.payments"], "detail-type": ["PaymentMade"]}"#,
    r#"{"source": ["com.inventory"], "detail-type": ["ItemRemoved"]}"#,
    r#"{"source": ["com.delivery"], "detail-type": ["DeliveryMarkedAsStarted"]}"#,
    r#"{"source": ["com.logistics"], "detail-type": ["Delivered"]}"#,
    r#"{"source": ["com.inventory", "com.payments", "com.delivery", "com.customers"], "detail-type": ["ItemNotAvailable", "ErrorItemDescribed", "ErrorCustomerDescribed", "PaymentFailed", "ErrorItemRemoved", "DeliveryWasCanceled"]}"#,
    r#"{"source": ["com.orders"], "detail-type": ["OrderCanceled"], "detail": {"metadata": {"category": ["event"]}}}"#,
    r#"{"detail-type": ["ItemNotAvailable", "PaymentMade", "PaymentFailed", "OrderCanceled", "OrderDelivered"]}"#,
    r#"{"source": ["com.orders"], "detail-type": ["OrderCreated"], "detail": {"data": {"total": [{"numeric": [">=", 1000]}]}}}"#,
    r#"{"source": ["com.orders"], "detail-type": ["OrderCreated"], "detail": {"data": {"country": [{"anything-but": ["DE"]}]}}}"#,
    r#"{"source": ["com.orders"], "detail-type": [{"prefix": "Order"}]}"#,
    r#"{"source": [{"prefix": "com."}]}"#,
];

/// Makes an event of about 700 bytes, with the envelope of EventBridge.
fn event(number: usize) -> String {
    let types = [
        ("com.orders", "OrderCreated"),
        ("com.inventory", "ItemReserved"),
        ("com.payments", "PaymentMade"),
        ("com.orders", "OrderCanceled"),
        ("com.delivery", "DeliveryEstimated"),
        ("com.orders", "OrderCreated"),
        ("com.payments", "PaymentFailed"),
        ("com.orders", "OrderDelivered"),
    ];
    let (source, detail_type) = types[number % types.len()];
    let country = ["DE", "AT", "FR", "US"][number % 4];
    let total = ["237.51", "1999.00", "1000", "42"][(number / 2) % 4];
    let status = if number.is_multiple_of(3) { "Open" } else { "Paid" };
    let order = 1_073_459_984 + number;
    format!(
        r#"{{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf37034677{number:02}","detail-type":"{detail_type}","source":"{source}","account":"111122223333","time":"2026-11-20T10:47:00Z","region":"eu-central-1","resources":[],"detail":{{"metadata":{{"idempotency-key":"c1b95b88-3f27-5d0a-9a57-{number:012}","event-id":"0d9f5a52-7d5c-5b7e-8a11-{number:012}","correlation-id":"{order}","occurred-at":"2026-11-20T10:47:00Z","version":1,"ttl-seconds":86400,"category":"event","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},"data":{{"order-id":"{order}","customer-id":"{number}","email":"customer-{number}@example.com","status":"{status}","country":"{country}","total":{total},"lines":[{{"sku":"A-1","quantity":2}},{{"sku":"B-{number}","quantity":1}}]}}}}}}"#
    )
}

fn events() -> Vec<String> {
    (0..16).map(event).collect()
}

/// Makes `count` rules, each of which matches the events of one order.
fn distinct(count: usize) -> Vec<String> {
    let rule = |number| {
        let order = 1_073_459_984 + number;
        format!(r#"{{"detail": {{"data": {{"order-id": ["{order}"]}}}}}}"#)
    };
    (0..count).map(rule).collect()
}

/// Makes rules like those of many tenants: with several operators, and different values in each
/// rule.
fn mixed(count: usize) -> Vec<String> {
    let rule = |number: usize| {
        let order = 1_073_459_984 + number;
        match number % 5 {
            0 => format!(
                r#"{{"source": ["com.orders"], "detail-type": ["OrderCreated"], "detail": {{"data": {{"customer-id": ["{number}"]}}}}}}"#
            ),
            1 => format!(r#"{{"detail-type": [{{"prefix": "Tenant{number}"}}]}}"#),
            2 => format!(
                r#"{{"source": ["com.orders"], "detail": {{"data": {{"total": [{{"numeric": [">=", {number}, "<", {}]}}]}}}}}}"#,
                number + 5
            ),
            3 => format!(
                r#"{{"detail": {{"data": {{"email": [{{"suffix": "-{number}@example.com"}}]}}}}}}"#
            ),
            _ => format!(
                r#"{{"source": ["com.orders", "com.payments"], "detail": {{"data": {{"order-id": ["{order}"], "status": [{{"anything-but": "Lost"}}]}}}}}}"#
            ),
        }
    };
    (0..count).map(rule).collect()
}

/// Returns every workload, in the order in which the benchmark prints them.
pub(crate) fn all() -> Vec<Workload> {
    let mut all: Vec<Workload> = SINGLE
        .iter()
        .map(|(name, pattern)| Workload {
            name: (*name).to_owned(),
            patterns: vec![(*pattern).to_owned()],
            events: events(),
        })
        .collect();
    all.push(Workload {
        name: "order shop, 16 rules".to_owned(),
        patterns: SHOP.map(str::to_owned).into(),
        events: events(),
    });
    for count in [1, 100, 1000, 10_000] {
        let name = format!("distinct values, {count} rules");
        all.push(Workload { name, patterns: distinct(count), events: events() });
    }
    for count in [1, 100, 1000, 10_000] {
        let name = format!("order rules, {count} rules");
        all.push(Workload { name, patterns: mixed(count), events: events() });
    }
    all
}
