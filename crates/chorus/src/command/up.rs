//! `chorus up`: the whole shop on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use chorus_shop::{Shop, ShopConfig};
use clap::Args;

use crate::place::announce;
use crate::screen::{BOLD, DIM, GOOD, line};

/// Run every service, the bus, the queues, the state and the simulated partners in one process.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where everything is kept: started again on it, the shop goes on where it was
    #[arg(long, value_name = "DIR", default_value = ".chorus")]
    data: PathBuf,
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

pub(crate) async fn run(up: &Up) -> anyhow::Result<ExitCode> {
    let config = ShopConfig {
        data: Some(up.data.clone()),
        address: SocketAddr::from(([127, 0, 0, 1], up.port)),
        ..ShopConfig::default()
    };
    let shop = Shop::start(&config).await?;
    let url = shop.url().unwrap_or_default();
    let announcement = announce(&up.data, &url)?;
    welcome(&url, up);
    tokio::signal::ctrl_c().await?;
    line!("\nFinishing what is in flight …");
    shop.stop().await?;
    drop(announcement);
    line!("{GOOD}Stopped.{GOOD:#} Everything is in {}.", up.data.display());
    Ok(ExitCode::SUCCESS)
}

fn welcome(url: &str, up: &Up) {
    let data = up.data.display();
    line!("{GOOD}The shop is open{GOOD:#} at {BOLD}{url}{BOLD:#}, its data in {data}.\n");
    line!("{DIM}# list an item, keep a customer, order{DIM:#}");
    line!(
        "curl -X PUT {url}/items/chai -d '{{\"name\":\"Chai\",\"price\":18,\"stock\":39}}'\n\
         curl -X PUT {url}/customers/ana -d '{{\"name\":\"Ana\",\"email\":\"ana@example.com\"}}'\n\
         chorus order --url {url} place --customer ana --line chai:2\n"
    );
    line!("{DIM}# then see what it went through{DIM:#}");
    line!("chorus trace --url {url} ORDER\n");
    line!("The API is described at {url}/openapi.json. Ctrl-C stops.");
}
