//! `help-desk`: run it, prove its flow, print its template, simulate it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chorus_http::{ApiInfo, HttpFunction, Request, Route, router};
use chorus_local::{Local, LocalConfig, Observation, VirtualClock};
use chorus_simulation::{Setting, Simulator};
use chorus_template::Finding;
use clap::Parser;
use help_desk::simulation::{HelpDesk, campaign};
use help_desk::table::TABLE;
use serde_json::json;

/// A help desk, on the engine of Chorus.
#[derive(Parser)]
enum Command {
    /// Run three tickets in memory, and print their events
    Demo,
    /// Serve the API until Ctrl-C
    Up {
        #[arg(long, default_value = ".help-desk")]
        data: PathBuf,
        #[arg(long, default_value_t = 3100)]
        port: u16,
    },
    /// Print the design table, or prove that its flow closes
    Design {
        #[arg(long)]
        check: bool,
    },
    /// Print template.yaml
    Synth {
        #[arg(long)]
        write: bool,
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
    /// Run it from seeds, under every kind of fault
    Simulate {
        #[arg(long, default_value_t = 2_000)]
        seeds: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Demo => demo().await,
        Command::Up { data, port } => up(data, port).await,
        Command::Design { check } => design(check),
        Command::Synth { write, check } => synth(write, check),
        Command::Simulate { seeds } => simulate(seeds),
    }
}

/// A ticket that is solved, one that nobody takes, and a severe one that stays open: time passes
/// only while there is nothing to do.
async fn demo() -> anyhow::Result<()> {
    let (functions, routes) = HttpFunction::split(help_desk::functions());
    let clock = VirtualClock::at(jiff::Timestamp::now());
    let local = Local::open(LocalConfig::new(&TABLE, functions).virtual_time(&clock))?;
    let mut watch = local.watch();
    local.runner().start();
    for (path, body) in [
        ("/tickets", json!({ "ticket-id": "printer", "severity": 1 })),
        ("/tickets", json!({ "ticket-id": "network", "severity": 5 })),
        ("/tickets", json!({ "ticket-id": "mouse", "severity": 1 })),
        ("/tickets/{ticket-id}/resolution", json!({ "ticket-id": "printer" })),
    ] {
        call(&local, &routes, path, &body).await?;
        local.runner().run_until_idle(Duration::from_secs(10)).await?;
    }
    while let Ok(observation) = watch.try_recv() {
        if let Observation::Accepted(event) = observation {
            anstream::println!("{:<8} {}", event.correlation_id, event.detail_type);
        }
    }
    Ok(local.runner().shutdown(Duration::from_secs(10)).await?)
}

async fn call(
    local: &Local,
    routes: &[Route],
    path: &str,
    body: &serde_json::Value,
) -> anyhow::Result<()> {
    let route = routes.iter().find(|route| route.path == path).context("there is no such route")?;
    let id = body["ticket-id"].as_str().unwrap_or_default().to_owned();
    let (body, path) = (body.to_string().into_bytes(), [("ticket-id".to_owned(), id)].into());
    let request = Request { body, path, ..Request::default() };
    match route.endpoint.call(local.kernel(), &request).await {
        Ok(_) => Ok(()),
        Err(problem) => bail!("{problem:?}"),
    }
}

async fn up(data: PathBuf, port: u16) -> anyhow::Result<()> {
    let (functions, routes) = HttpFunction::split(help_desk::functions());
    let local = Local::open(LocalConfig::new(&TABLE, functions).data(data))?;
    let info = ApiInfo { title: "Help desk", description: "", hint: "", version: "1" };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    anstream::println!("The help desk is open at http://{}", listener.local_addr()?);
    local.runner().start();
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let served = axum::serve(listener, router(local.kernel(), info, routes));
    served.with_graceful_shutdown(interrupted).await?;
    Ok(local.runner().shutdown(Duration::from_secs(10)).await?)
}

fn design(check: bool) -> anyhow::Result<()> {
    if !check {
        anstream::println!("{}", chorus_design::action_table(TABLE.rows, None));
        return Ok(());
    }
    none_of(&help_desk::flaws())?;
    anstream::println!("The flow closes: {} rows.", TABLE.rows.len());
    Ok(())
}

fn none_of(findings: &[Finding]) -> anyhow::Result<()> {
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    ensure!(told.is_empty(), "{}", told.join("\n"));
    Ok(())
}

fn synth(write: bool, check: bool) -> anyhow::Result<()> {
    let stack = help_desk::stack();
    let (template, path) = (chorus_template::synthesize(&stack), stack.root.join("template.yaml"));
    if write {
        std::fs::write(path, template.to_yaml())?;
    } else if check {
        none_of(&chorus_template::check(&template.document(), &stack))?;
        let committed = std::fs::read_to_string(path)?;
        ensure!(committed == template.to_yaml(), "template.yaml is stale: `synth --write`");
        anstream::println!("The template is clean.");
    } else {
        anstream::println!("{}", template.to_yaml().trim_end());
    }
    Ok(())
}

fn simulate(seeds: u64) -> anyhow::Result<()> {
    let simulator = Simulator::<HelpDesk>::new();
    let report = simulator.campaign(&campaign(seeds), &Setting::default(), &|_| {})?;
    let (runs, failed, seconds) = (report.runs, report.failed, report.seconds);
    anstream::println!("{runs} seeds, {} tickets withdrawn, {seconds:.1} s.", report.ends);
    ensure!(failed == 0, "{failed} seeds do not hold: {:#?}", report.failures);
    anstream::println!("Everything held.");
    Ok(())
}
