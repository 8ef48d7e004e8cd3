//! Finds out whether a region of a deployment in two regions is on standby: only the active region
//! handles messages.

use chorus_kernel::{ActiveRegion, Failure, Store};
use serde::{Deserialize, Serialize};

/// A region on standby. Its API responds with 503 to requests that change something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OnStandby {
    pub region: String,
    /// The active region; absent before the first failover, and during a failover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
}

impl OnStandby {
    /// Returns what an operator or a user can do instead of using the region on standby.
    #[must_use]
    pub fn remedy(&self) -> String {
        let Self { region, active } = self;
        match active {
            Some(active) => format!(
                "use the shop in {active}; docs/TWO-REGIONS.md says how to make {region} active again"
            ),
            None => "activate a region with chorus failover; if a failover was interrupted, run \
                     that failover again"
                .to_owned(),
        }
    }
}

impl std::fmt::Display for OnStandby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let active = self.active.as_deref().unwrap_or("no region");
        let region = &self.region;
        write!(f, "{active} is active, so {region} answers 503 to requests that change something")
    }
}

/// Returns whether `region` is on standby; `None` if `region` is the active region.
///
/// # Errors
/// If the store fails, or the stored name of the active region cannot be read.
pub async fn on_standby(store: &dyn Store, region: &str) -> Result<Option<OnStandby>, Failure> {
    let read = ActiveRegion::read(store).await?.filter(|it| it.next.is_none());
    let active = read.map(|active| active.value.region);
    if active.as_deref() == Some(region) {
        return Ok(None);
    }
    Ok(Some(OnStandby { region: region.to_owned(), active }))
}

#[cfg(test)]
mod tests {
    use chorus_kernel::testing::expect_ready;
    use chorus_kernel::{MemoryStore, REGIONS_TABLE};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_region_is_on_standby_until_it_is_the_active_one() {
        expect_ready(async {
            let store = MemoryStore::new(&[REGIONS_TABLE]);
            let nobody = on_standby(&store, "first").await.unwrap().unwrap();
            assert_eq!(nobody.active, None);
            let written = ActiveRegion::taken_over(None, "second", Timestamp::UNIX_EPOCH);
            store.write(&[written]).await.unwrap();
            assert_eq!(on_standby(&store, "second").await.unwrap(), None);
            let first = on_standby(&store, "first").await.unwrap().unwrap();
            assert_eq!(first.active.as_deref(), Some("second"));
            let read = ActiveRegion::read(&store).await.unwrap().unwrap();
            let fenced = ActiveRegion::fenced(&read, "first", Vec::new(), Timestamp::UNIX_EPOCH);
            store.write(&[fenced]).await.unwrap();
            let second = on_standby(&store, "second").await.unwrap().unwrap();
            assert_eq!(second.active, None, "no region is active during a failover");
        });
    }
}
