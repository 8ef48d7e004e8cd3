//! `help-desk`: run it, prove its flow, print its template, simulate it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anstream::println;
use anyhow::{anyhow, ensure};
use chorus_http::{ApiInfo, HttpFunction, Request, router};
use chorus_local::{Local, LocalConfig, Observation, VirtualClock};
use chorus_simulation::{Setting, Simulator};
use clap::Parser;
use help_desk::simulation::{HelpDesk, campaign};
use help_desk::table::TABLE;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(10);

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

/// A ticket that is solved, a severe one that stays open, and one that nobody takes. Time passes only
/// while there is nothing to do.
async fn demo() -> anyhow::Result<()> {
    let (functions, routes) = HttpFunction::split(help_desk::functions());
    let clock = VirtualClock::at(jiff::Timestamp::now());
    let local = Local::open(LocalConfig::new(&TABLE, functions).virtual_time(&clock))?;
    let (mut watch, mut seen) = (local.watch(), BTreeSet::new());
    local.runner().start();
    for (route, id, severity) in
        [(0, "printer", 1), (0, "network", 5), (0, "mouse", 1), (1, "printer", 1)]
    {
        let path = [("ticket-id".to_owned(), id.to_owned())].into();
        let body = json!({ "ticket-id": id, "severity": severity }).to_string().into_bytes();
        let request = Request { body, path, ..Request::default() };
        let answer = routes[route].endpoint.call(local.kernel(), &request).await;
        answer.map_err(|problem| anyhow!("{problem:?}"))?;
        local.runner().run_until_idle(PATIENCE).await?;
    }
    while let Ok(observation) = watch.try_recv() {
        if let Observation::Accepted(event) = observation
            && seen.insert(event.event_id.clone())
        {
            println!("{:<8} {}", event.correlation_id, event.detail_type);
        }
    }
    Ok(local.runner().shutdown(PATIENCE).await?)
}

async fn up(data: PathBuf, port: u16) -> anyhow::Result<()> {
    let (functions, routes) = HttpFunction::split(help_desk::functions());
    let local = Local::open(LocalConfig::new(&TABLE, functions).data(data))?;
    let info = ApiInfo { title: "Help desk", description: "", hint: "", version: "1" };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("The help desk is open at http://{}", listener.local_addr()?);
    local.runner().start();
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let served = axum::serve(listener, router(local.kernel(), info, routes));
    served.with_graceful_shutdown(interrupted).await?;
    Ok(local.runner().shutdown(PATIENCE).await?)
}

fn design(check: bool) -> anyhow::Result<()> {
    let flaws = help_desk::flaws();
    ensure!(flaws.is_empty() || !check, "{flaws:#?}");
    let table = chorus_design::action_table(TABLE.rows, None);
    println!("{}", if check { "The flow closes." } else { &table });
    Ok(())
}

fn synth(write: bool, check: bool) -> anyhow::Result<()> {
    let stack = help_desk::stack();
    let (template, path) = (chorus_template::synthesize(&stack), stack.root.join("template.yaml"));
    let (flaws, text) = (chorus_template::check(&template.document(), &stack), template.to_yaml());
    ensure!(flaws.is_empty(), "{flaws:#?}");
    if write {
        std::fs::write(path, text)?;
    } else if check {
        ensure!(std::fs::read_to_string(path)? == text, "template.yaml is stale: `synth --write`");
        println!("The template is clean.");
    } else {
        println!("{}", text.trim_end());
    }
    Ok(())
}

fn simulate(seeds: u64) -> anyhow::Result<()> {
    let simulator = Simulator::<HelpDesk>::new();
    let report = simulator.campaign(&campaign(seeds), &Setting::default(), &|_| {})?;
    ensure!(report.failed == 0, "{} of {seeds} fail: {:#?}", report.failed, report.failures);
    println!("{} seeds hold; {} tickets were withdrawn.", report.runs, report.ends);
    Ok(())
}
