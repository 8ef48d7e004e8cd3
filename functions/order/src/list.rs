//! Lists orders, newest first: those of one customer or of all, filtered by status and by when they
//! were placed.

use chorus_events::CustomerId;
use chorus_http::{Problem, Request, Values};
use chorus_kernel::{Failure, Item, Query, Store, text};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::{BY_STATUS, OrderView, Status, VIEW_TABLE};

/// How many orders a page lists by default.
const PAGE: u32 = 20;

/// The largest number of orders that a page may list.
pub(crate) const MAX_PAGE: u32 = 100;

/// How many months are searched at most for one page of the orders of all customers. Each month
/// needs a query for each status.
const MOST_MONTHS: usize = 5 * 12;

const EVERY_STATUS: [Status; 3] = [Status::Open, Status::Canceled, Status::Delivered];

/// The names of the statuses, as callers write them.
pub(crate) const STATUSES: Values = Values::OneOf(&["Open", "Canceled", "Delivered"]);

/// The orders that a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    customer: Option<CustomerId>,
    status: Option<Status>,
    /// Only orders placed at this time or later.
    from: Timestamp,
    /// Only orders placed at this time or earlier.
    to: Timestamp,
    /// Only orders that come after this sort key in the list, which is newest first.
    behind: Option<String>,
    limit: usize,
}

impl Asked {
    /// Reads the query parameters of a request that arrives at `now`.
    pub(crate) fn of(request: &Request, now: Timestamp) -> Result<Self, Problem> {
        let given = |name| request.query.get(name).map(String::as_str);
        let refused = |name: &'static str| move |rule: &str| Problem::field(400, name, rule);
        // If the caller is a customer, and the request names no customer, the caller gets their own
        // orders.
        let own = request.customer.as_deref();
        let customer = given("customer-id").or(own).map(|id| {
            id.parse().map_err(|rule| Problem::field(400, "customer-id", format!("{rule}")))
        });
        let status = given("status").map(|name| {
            let named = EVERY_STATUS.into_iter().find(|status| format!("{status:?}") == name);
            named.ok_or_else(|| refused("status")("must be Open, Canceled or Delivered"))
        });
        let when = "must be a day such as 2026-11-28, or an instant such as 2026-11-28T10:00:00Z";
        let from =
            given("from").map(|day| moment(day, Edge::Start).ok_or_else(|| refused("from")(when)));
        let to = given("to").map(|day| moment(day, Edge::End).ok_or_else(|| refused("to")(when)));
        // By default, the list also includes orders dated up to 24 hours ahead, because the clock
        // of the instance that accepted an order may be ahead of this instance's clock.
        let to = to.transpose()?.unwrap_or(now + SignedDuration::from_hours(24));
        let customer = customer.transpose()?;
        let earliest = match customer {
            Some(_) => Timestamp::MIN,
            None => before(to, 366),
        };
        let from = from.transpose()?.unwrap_or(earliest);
        Ok(Self {
            customer,
            status: status.transpose()?,
            from,
            to,
            behind: cursor(request)?,
            limit: request.limit(PAGE, MAX_PAGE)? as usize,
        })
    }

    /// Selects the orders of one customer with this status, or with any status if `status` is
    /// absent.
    pub(crate) fn orders_of(
        customer: CustomerId,
        status: Option<Status>,
        request: &Request,
    ) -> Result<Self, Problem> {
        let behind = cursor(request)?;
        let (from, to) = (Timestamp::MIN, Timestamp::MAX);
        let limit = request.limit(PAGE, MAX_PAGE)? as usize;
        Ok(Self { customer: Some(customer), status, from, to, behind, limit })
    }

    /// The customer whose orders are listed; absent if the orders of all customers are listed.
    pub(crate) fn customer(&self) -> Option<&CustomerId> {
        self.customer.as_ref()
    }

    /// Reads the page, and the cursor of the next page if there is one.
    pub(crate) async fn page(
        &self,
        store: &dyn Store,
    ) -> Result<(Vec<OrderView>, Option<String>), Failure> {
        let (mut found, looked_back_to) = match &self.customer {
            _ if self.from > self.newest() => (Vec::new(), None),
            Some(customer) => (self.of_customer(store, customer).await?, None),
            None => self.of_everybody(store).await?,
        };
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().map(OrderView::cursor).filter(|_| more);
        Ok((found, last.or_else(|| looked_back_to.map(OrderView::cursor_before))))
    }

    async fn of_customer(
        &self,
        store: &dyn Store,
        customer: &CustomerId,
    ) -> Result<Vec<OrderView>, Failure> {
        let mut query = self.within(OrderView::partition(customer));
        // The query returns orders of every status, so the loop reads on until it has found enough
        // orders with the wanted status.
        let wanted = |order: &OrderView| self.status.is_none_or(|status| order.status == status);
        let mut found = Vec::new();
        loop {
            let page = store.query(&query).await?;
            found.extend(read(page.items, self.behind.as_deref())?.into_iter().filter(wanted));
            match page.next {
                Some(next) if found.len() <= self.limit => query.start = Some(next),
                _ => return Ok(found),
            }
        }
    }

    /// Reads the orders of all customers month by month, the newest month first, and sorts the
    /// orders of each month. If months remain after [`MOST_MONTHS`], also returns the earliest time
    /// that was searched.
    async fn of_everybody(
        &self,
        store: &dyn Store,
    ) -> Result<(Vec<OrderView>, Option<Timestamp>), Failure> {
        let statuses = match &self.status {
            Some(status) => std::slice::from_ref(status),
            None => &EVERY_STATUS,
        };
        let first_of_month = |at: Timestamp| at.to_zoned(TimeZone::UTC).date().first_of_month();
        let mut month = first_of_month(self.newest());
        let oldest = first_of_month(self.from);
        let mut found = Vec::new();
        for _ in 0..MOST_MONTHS {
            if month < oldest || found.len() > self.limit {
                return Ok((found, None));
            }
            let mut of_month = Vec::new();
            for status in statuses {
                let pk = OrderView::month(*status, month.year(), month.month());
                let query = Query { index: Some(&BY_STATUS), ..self.within(pk) };
                let page = store.query(&query).await?;
                of_month.extend(read(page.items, self.behind.as_deref())?);
            }
            of_month
                .sort_by_key(|order| std::cmp::Reverse((order.placed_at, order.order_id.clone())));
            found.extend(of_month);
            let Ok(earlier) = month.checked_sub(1.month()) else { return Ok((found, None)) };
            month = earlier;
        }
        let first_day = month.last_of_month().tomorrow();
        let first = first_day.and_then(|day| day.to_zoned(TimeZone::UTC));
        Ok((found, first.ok().filter(|_| month >= oldest).map(|first| first.timestamp())))
    }

    /// The latest time at which an order of the page may have been placed.
    fn newest(&self) -> Timestamp {
        let placed = self.behind.as_ref().and_then(|key| key.split('#').next()?.parse().ok());
        placed.map_or(self.to, |placed: Timestamp| placed.min(self.to))
    }

    /// Returns the query for one page of the orders in a partition, newest first.
    fn within(&self, pk: String) -> Query {
        let mut query = Query::partition(VIEW_TABLE.name, pk);
        query.descending = true;
        query.from = Some(format!("{:.9}", self.from));
        // A sort key is the instant at which the order was placed, `#` and the order's id. Because
        // `#` sorts before `~`, an order that was placed at `to` is listed.
        let to = format!("{:.9}~", self.to);
        query.to = self.behind.iter().cloned().chain([to]).min();
        // A page needs its orders, the order after which it starts, and one order more, which shows
        // whether another page follows.
        query.limit = u32::try_from(self.limit + 2).ok();
        query
    }
}

fn read(items: Vec<Item>, behind: Option<&str>) -> Result<Vec<OrderView>, Failure> {
    let items = items.into_iter().filter(|item| text(item, "sk") != behind);
    let orders: Result<_, _> = items.map(serde_dynamo::from_item).collect();
    orders.map_err(|error| Failure::corrupt("order view", &error))
}

/// Returns the time `days` days before `at`.
fn before(at: Timestamp, days: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_hours(days * 24)).unwrap_or(Timestamp::MIN)
}

/// Whether a date stands for the first or the last instant of its day.
#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// Reads an instant or a date. A date stands for the first or the last instant of its day in UTC.
fn moment(text: &str, edge: Edge) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let day: Date = text.parse().ok()?;
    let at = match edge {
        Edge::Start => day.to_zoned(TimeZone::UTC),
        Edge::End => day.tomorrow().ok()?.to_zoned(TimeZone::UTC),
    };
    let at = at.ok()?.timestamp();
    match edge {
        Edge::Start => Some(at),
        Edge::End => at.checked_sub(SignedDuration::from_nanos(1)).ok(),
    }
}

/// Reads the sort key of the order after which the page starts.
fn cursor(request: &Request) -> Result<Option<String>, Problem> {
    let Some(cursor) = request.query.get("cursor") else { return Ok(None) };
    let rule = "must be the `next` of an earlier page";
    OrderView::sort_key_of_cursor(cursor)
        .map(Some)
        .ok_or_else(|| Problem::field(400, "cursor", rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_can_be_asked_for_by_its_name() {
        let Values::OneOf(names) = STATUSES else { panic!("{STATUSES:?}") };
        assert_eq!(EVERY_STATUS.map(|status| format!("{status:?}")), names);
    }
}
