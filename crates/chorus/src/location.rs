//! Where a shop is: at a URL, or in a directory.

use std::path::{Path, PathBuf};

use anyhow::Context;
use chorus_shop::{Shop, ShopConfig};
use clap::Args;

use crate::client::Client;
use crate::screen::called;

/// The file in a shop's data directory with the address that the shop listens on.
const URL_FILE: &str = "url";

/// Where the shop is
#[derive(Debug, Args)]
pub(crate) struct ShopLocation {
    /// The address of a running shop
    #[arg(long, value_name = "URL", global = true, display_order = 800)]
    #[arg(default_value = "http://127.0.0.1:3000", value_parser = url)]
    url: String,
    /// The shop in this directory, running or not
    #[arg(long, value_name = "DIR", global = true, display_order = 801, conflicts_with = "url")]
    data: Option<PathBuf>,
    /// The token for the shop's API, as `chorus token` prints it
    #[arg(long, value_name = "TOKEN", global = true, display_order = 802)]
    #[arg(env = "CHORUS_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl ShopLocation {
    /// Returns the shop's data directory, if `--data` was given.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let remote = |url: &str| Client::remote(url).with_token(self.token.clone());
        let Some(data) = &self.data else { return Ok(remote(&self.url)) };
        match running_in(data) {
            Some(url) => Ok(remote(&url)),
            None => {
                let there = chorus_local::holds_engine(data);
                let data_of = data.display();
                let start = format!("start one with `{} up --data {data_of}`", called());
                anyhow::ensure!(there, "there is no shop in {data_of}; {start}");
                let config = ShopConfig { data: Some(data.clone()), ..ShopConfig::default() };
                let unopened = || format!("the shop in {data_of} cannot be opened");
                Ok(Client::Here(Shop::open(&config).with_context(unopened)?.router()))
            }
        }
    }
}

/// Checks that `text` is the address of a shop: an `http` or `https` URL with a host.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let whole = text.split_once("://").is_some_and(|(scheme, rest)| {
        matches!(scheme, "http" | "https") && !rest.is_empty() && !rest.starts_with('/')
    });
    if whole {
        Ok(text.to_owned())
    } else {
        Err("must be an http or https URL, such as http://127.0.0.1:3000".to_owned())
    }
}

/// Returns the URL of the shop that runs on this directory; `None` if no shop runs on it.
pub(crate) fn running_in(data: &Path) -> Option<String> {
    let url = std::fs::read_to_string(data.join(URL_FILE)).ok()?;
    // A shop that was killed leaves the file with its URL. Only a running shop has the directory
    // locked.
    chorus_local::is_in_use(data).then(|| url.trim().to_owned())
}

/// Writes a file with the address of the shop that runs on this directory. The file is removed when
/// the result is dropped.
pub(crate) fn announce(data: &Path, url: &str) -> anyhow::Result<Announcement> {
    let path = data.join(URL_FILE);
    std::fs::write(&path, url).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Announcement(path))
}

/// The file with a shop's address, which is removed on drop.
#[derive(Debug)]
pub(crate) struct Announcement(PathBuf);

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "{} could not be removed", self.0.display());
        }
    }
}
