//! Lists items, sorted by name: either the items that are for sale, or the discontinued ones. A
//! request may limit the list to items whose names begin with a text, and to items whose name or
//! SKU contains a text.

use chorus_events::Sku;
use chorus_http::{Problem, Request};
use chorus_kernel::{Failure, Kernel, Query, text};
use futures_util::future::try_join_all;

use crate::item::{Assortment, BY_NAME};
use crate::{Item, TABLE};

/// How many items a page lists by default.
const PAGE: u32 = 20;

/// The maximum number of items on a page.
pub(crate) const MAX_PAGE: u32 = 100;

/// The maximum number of names that are examined for one page. The limit ends a search for a text
/// that no item contains.
const MOST_NAMES: usize = 2_000;

/// How many names one query reads in a search for a text. A page lists only the items that contain
/// the text, so this number is larger than [`MAX_PAGE`].
const NAMES: u32 = 500;

/// The items that a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    assortment: Assortment,
    /// What the name of an item must begin with, in lower case.
    prefix: String,
    /// What the name or the SKU of an item must contain, in lower case.
    text: Option<String>,
    /// Only items after this sort key of the index `by-name` are listed.
    after: Option<String>,
    limit: usize,
}

/// The items found and, if there may be more, the SKU of the last item that was examined.
type Found<T> = (Vec<T>, Option<Sku>);

impl Asked {
    /// Reads the query parameters of a request.
    pub(crate) async fn of(kernel: &Kernel, request: &Request) -> Result<Self, Problem> {
        let given = |name| request.query.get(name).map(String::as_str);
        let prefix = given("name").map(str::to_lowercase).unwrap_or_default();
        let after = match given("cursor") {
            Some(cursor) => Some(sort_key(kernel, cursor).await?),
            None => None,
        };
        Ok(Self {
            assortment: match given("discontinued") {
                Some("true") => Assortment::Discontinued,
                _ => Assortment::Sold,
            },
            prefix,
            text: given("text").map(str::to_lowercase),
            after,
            limit: request.limit(PAGE, MAX_PAGE)? as usize,
        })
    }

    /// Reads the page, and the cursor of the next page if there may be one.
    pub(crate) async fn page(&self, kernel: &Kernel) -> Result<Found<Item>, Failure> {
        let (skus, next) = self.skus(kernel).await?;
        let found = try_join_all(skus.iter().map(|sku| kernel.find::<Item>(sku))).await?;
        Ok((found.into_iter().flatten().map(|item| item.value).collect(), next))
    }

    async fn skus(&self, kernel: &Kernel) -> Result<Found<Sku>, Failure> {
        let mut query = self.query();
        if query.to.as_ref().is_some_and(|to| query.from.as_ref() > Some(to)) {
            return Ok((Vec::new(), None));
        }
        let (mut found, mut last, mut examined) = (Vec::new(), None, 0);
        loop {
            let page = kernel.store.query(&query).await?;
            for key in &page.items {
                let sort_key = text(key, BY_NAME.sk).unwrap_or_default();
                if self.after.as_deref() == Some(sort_key) {
                    continue;
                }
                if found.len() == self.limit {
                    return Ok((found, last));
                }
                let (sku, fits) = self.examine(sort_key)?;
                found.extend(fits.then(|| sku.clone()));
                (last, examined) = (Some(sku), examined + 1);
            }
            match page.next {
                None => return Ok((found, None)),
                Some(_) if examined >= MOST_NAMES => return Ok((found, last)),
                Some(next) => query.start = Some(next),
            }
        }
    }

    fn query(&self) -> Query {
        let mut query = Query::partition(TABLE.name, self.assortment.partition());
        query.index = Some(&BY_NAME);
        let from = self.after.as_ref().unwrap_or(&self.prefix).max(&self.prefix);
        query.from = Some(from.clone()).filter(|from| !from.is_empty());
        // Every name with this prefix sorts before the prefix followed by the highest character.
        query.to = (!self.prefix.is_empty()).then(|| format!("{}{}", self.prefix, char::MAX));
        // The query reads the page's items, the item after which the page starts, and one more
        // item, which shows whether another page follows.
        let page = u32::try_from(self.limit + 2).unwrap_or(NAMES);
        query.limit = Some(if self.text.is_some() { NAMES } else { page });
        query
    }

    /// Returns the SKU in a sort key, and whether the item's name or SKU contains the text that is
    /// searched for.
    fn examine(&self, sort_key: &str) -> Result<(Sku, bool), Failure> {
        let parts = Item::name_and_sku(sort_key);
        let (name, sku) =
            parts.ok_or_else(|| Failure::corrupt("sort key of an item", &sort_key))?;
        let fits = self
            .text
            .as_ref()
            .is_none_or(|text| name.contains(text) || sku.as_str().to_lowercase().contains(text));
        Ok((sku, fits))
    }
}

/// Returns the sort key of the item that the cursor names. The cursor is a SKU.
async fn sort_key(kernel: &Kernel, cursor: &str) -> Result<String, Problem> {
    let unknown = || Problem::field(400, "cursor", "must be the `next` of an earlier page");
    let sku: Sku = cursor.parse().map_err(|_| unknown())?;
    Ok(kernel.find::<Item>(&sku).await?.ok_or_else(unknown)?.place())
}
