//! A running shop as a child process: started, called, killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::well;

/// A `chorus up` on a free port; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: String,
}

impl Running {
    /// Starts a shop on `data`, and waits until it listens.
    pub(crate) fn on(data: &Path) -> Self {
        Self::with(data, &[])
    }

    /// Starts a shop with further arguments of `up`.
    pub(crate) fn with(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn(data, arguments, Stdio::null())
    }

    pub(crate) fn logging_to(data: &Path, log: Stdio) -> Self {
        Self::spawn(data, &[], log)
    }

    fn spawn(data: &Path, arguments: &[&str], log: Stdio) -> Self {
        Self::by(Command::new(env!("CARGO_BIN_EXE_chorus")), data, arguments, log)
    }

    /// Starts a shop that logs to `log`. No file of the shop can exceed a few megabytes.
    #[cfg(unix)]
    pub(crate) fn on_a_small_disk(data: &Path, log: Stdio) -> Self {
        // The unit of `ulimit -f` is 512 or 1,024 bytes, depending on the shell.
        let limited = r#"ulimit -f 3000; exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", limited, env!("CARGO_BIN_EXE_chorus")]);
        Self::by(command, data, &["--orders-per-minute", "0"], log)
    }

    fn by(mut command: Command, data: &Path, arguments: &[&str], log: Stdio) -> Self {
        let mut child = command
            .args(["up", "--port", "0", "--data"])
            .arg(data)
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("`up` must print that the shop is open").unwrap();
        // Further output is discarded, so that the child never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = first.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{first}")).trim_end_matches(',').to_owned();
        Self { child, url }
    }

    /// Kills the shop with SIGKILL, so that the shop cannot clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGINT, and waits until the shop ends.
    pub(crate) fn interrupt(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// Repeats a check until it holds, for at most a minute.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < patience, "{what} did not come within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_shop_opens_takes_orders_shows_them_and_stops_on_ctrl_c() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.clone();
    let client = reqwest_blocking(&url);
    client("PUT", "/items/chai", r#"{"name":"Chai","price":18,"stock":39}"#);
    client("PUT", "/customers/ana", r#"{"name":"Ana","email":"ana@example.com"}"#);
    let order = || {
        crate::chorus(&[
            "order",
            "--url",
            &url,
            "--json",
            "place",
            "--customer",
            "ana",
            "--line",
            "chai:2",
            "--idempotency-key",
            "first",
        ])
    };
    // Until the event with the price arrives, the Order service refuses the order.
    until("the price", || order().status.success());
    let order: Value = serde_json::from_slice(&order().stdout).unwrap();
    let id = order["order-id"].as_str().unwrap();
    until("the end of the order", || {
        well(&["order", "--url", &url, "show", id]).contains("Delivered")
    });
    let tree = well(&["trace", "--url", &url, id]);
    assert!(tree.contains("└─ ") && tree.contains("DeliveryStarted"), "{tree}");
    until("the letter", || well(&["events", "--url", &url, "--order", id]).contains("EmailSent"));
    assert!(well(&["events", "--url", &url]).contains("OrderDelivered"));
    assert!(well(&["dlq", "--url", &url, "list"]).contains("No dead letters"));
    let meant = well(&["dlq", "--url", &url, "redrive", "--code", "Nobody"]);
    assert!(meant.contains("None of the 0 dead letters matches"), "{meant}");
    let rebuild = ["projections", "--url", &url, "rebuild"];
    assert!(well(&rebuild).contains("Nothing was changed"));
    assert!(well(&[&rebuild[..], &["--yes"]].concat()).contains("2 events folded"));
    let again =
        crate::chorus(&["up", "--port", "0", "--data", &place.path().display().to_string()]);
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1));
    assert!(
        error.contains(&format!("runs already, at {url}: stop it first, with Ctrl-C")),
        "{error}"
    );
    assert!(running.interrupt().success());
    let offline = well(&["order", "show", id, "--data", &place.path().display().to_string()]);
    assert!(offline.contains("Delivered"), "{offline}");
}

#[test]
fn the_shops_own_numbers_are_options_of_up() {
    let place = tempfile::tempdir().unwrap();
    let numbers = ["--home-country", "FR", "--review-above", "20", "--delivery-deadline", "1s"];
    let running = Running::with(place.path(), &numbers);
    let url = running.url.clone();
    let client = reqwest_blocking(&url);
    client("PUT", "/items/chai", r#"{"name":"Chai","price":18,"stock":39}"#);
    for customer in ["ana", "ana-carrier-silent"] {
        let body = r#"{"name":"Ana","email":"ana@example.com"}"#;
        client("PUT", &format!("/customers/{customer}"), body);
    }
    let order = |customer: &str, line: &str, country: &str| {
        let of = ["order", "--url", &url, "--json", "place", "--customer", customer];
        let mut id = None;
        until("the price", || {
            let placed =
                crate::chorus(&[&of[..], &["--line", line, "--country", country]].concat());
            let output_text: Option<Value> = serde_json::from_slice(&placed.stdout).ok();
            id = output_text.and_then(|order| order["order-id"].as_str().map(ToOwned::to_owned));
            id.is_some()
        });
        id.unwrap()
    };
    // Until the event log has the order's first event, `chorus events` fails.
    let events = |id: &str| {
        let output_text = crate::chorus(&["events", "--url", &url, "--order", id]).stdout;
        String::from_utf8_lossy(&output_text).into_owned()
    };
    let abroad = order("ana", "chai:1", "Germany");
    until("the declaration", || events(&abroad).contains("CustomsDeclared"));
    let reviewed = order("ana", "chai:2", "FR");
    until("the review", || events(&reviewed).contains("ReviewRequested"));
    let at_home = order("ana", "chai:1", "FR");
    until("its delivery", || events(&at_home).contains("OrderDelivered"));
    assert!(!events(&at_home).contains("CustomsDeclared"));
    let silent = order("ana-carrier-silent", "chai:1", "FR");
    until("the deadline", || events(&silent).contains("OrderCanceled"));
    for wrong in [
        ["--home-country", "Atlantis"],
        ["--review-above", "-1"],
        ["--delivery-deadline", "30d"],
        ["--orders-per-minute", "60001"],
        ["--orders-per-minute", "999999"],
    ] {
        let refused = crate::chorus(&[&["up", "--port", "0"][..], &wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_shop_on_standby_is_not_called_open_and_the_doctor_names_the_active_region() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (first, second, copy) = (path("first"), path("second"), path("copy"));
    assert!(Running::on(&place.path().join("first")).interrupt().success());
    assert!(!well(&["doctor", "--data", &first]).contains("standby"));
    well(&["backup", "--data", &first, &copy]);
    well(&["restore", &copy, "--data", &second]);
    well(&["failover", "--from", &first, "--to", &second, "--yes"]);

    let log = place.path().join("log");
    let output = std::fs::File::create(&log).unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_chorus"))
        .args(["up", "--port", "0", "--data", &first])
        .stdout(output)
        .spawn()
        .unwrap();
    let told = || std::fs::read_to_string(&log).unwrap();
    until("the output of up", || told().contains("Ctrl-C stops"));
    up.kill().unwrap();
    up.wait().unwrap();
    let active = "second is active, so first answers 503 to requests that change something";
    assert!(told().contains("The shop is on standby") && told().contains(active), "{}", told());
    assert!(!told().contains("open"), "{}", told());

    let doctor = well(&["doctor", "--data", &first]);
    assert!(doctor.contains(&format!("! on standby: {active}")), "{doctor}");
    assert!(doctor.contains("→ use the shop in second"), "{doctor}");
    assert!(!well(&["doctor", "--data", &second]).contains("standby"));
}

#[test]
fn a_shop_warns_of_a_call_that_fails_without_colours_and_without_a_person() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let running = Running::spawn(&place.path().join("data"), &[], file.into());
    let url = running.url.clone();
    let client = reqwest_blocking(&url);
    client("PUT", "/items/chai", r#"{"name":"Chai","price":18,"stock":39}"#);
    client("PUT", "/customers/x-carrier-down", r#"{"name":"Xaver","email":"xaver@example.com"}"#);
    let order = ["order", "--url", &url, "place", "--customer", "x-carrier-down"];
    let order = [&order[..], &["--line", "chai:1"]].concat();
    until("the price", || crate::chorus(&order).status.success());
    let failed = "by the target of the rule delivery-StartDelivery: SDK_CLIENT_ERROR";
    until("the call", || std::fs::read_to_string(&log).unwrap().contains(failed));
    let log = std::fs::read_to_string(&log).unwrap();
    for part in
        [" WARN ", "correlation_id=", "code=\"SDK_CLIENT_ERROR\"", "status=503", "attempt=1"]
    {
        assert!(log.contains(part), "{part} in {log}");
    }
    for part in ["\u{1b}", "Xaver", "example.com"] {
        assert!(!log.contains(part), "{part} in {log}");
    }
}

#[test]
fn a_directory_that_does_not_open_is_not_called_running() {
    let place = tempfile::tempdir().unwrap();
    assert!(Running::on(place.path()).interrupt().success());
    std::fs::write(place.path().join("url"), "http://127.0.0.1:1").unwrap();
    let journal = place.path().join("engine.db");
    assert!(journal.exists());
    std::fs::write(journal, "this is not a journal").unwrap();
    let data = place.path().display().to_string();
    for command in [&["up", "--port", "0"][..], &["order", "show", "4711"]] {
        let output = crate::chorus(&[command, &["--data", &data]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("cannot be opened") && !error.contains("runs already"), "{error}");
    }
}

/// Sends requests over HTTP, because no command adds items.
fn reqwest_blocking(url: &str) -> impl Fn(&str, &str, &str) {
    let url = url.to_owned();
    move |method, path, body| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{url}{path}"))
            .body(body.to_owned());
        let answer = runtime.block_on(request.send()).unwrap();
        assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
    }
}
