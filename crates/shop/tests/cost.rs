//! An order's cost stays within the budgets of its rows in the design table.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_events::Currency;
use chorus_http::HttpFunction;
use chorus_kernel::{
    ActionError, Failure, Handled, Handler, IDEMPOTENCY_TABLE, Kernel, Key, KnownSecret, Message,
    Write,
};
use chorus_shop::cost::{CostOfOrder, MeasuredOrder, Story, measure, measure_with};
use chorus_storefront::FrontEndSecret;
use chorus_table::RowSpec;

async fn cost_of(story: Story) -> CostOfOrder {
    measure(MeasuredOrder { story, lines: 1 }).await.expect("the order ends as its story says")
}

#[tokio::test]
async fn no_row_of_any_story_takes_more_than_the_table_allows_it() {
    for story in [Story::Delivered, Story::Canceled, Story::Reviewed] {
        let cost = cost_of(story).await;
        let above: Vec<_> = cost
            .over_budget()
            .into_iter()
            .map(|row| (&row.action, row.most_requests, row.most_write_units, row.budget))
            .collect();
        assert!(above.is_empty(), "{story:?}: {above:#?}");
    }
}

#[tokio::test]
async fn one_write_more_than_the_table_allows_is_found() {
    let order = MeasuredOrder { story: Story::Delivered, lines: 1 };
    let cost = measure_with(order, |functions| functions.into_iter().map(plant).collect());
    let cost = cost.await.unwrap();
    let above: Vec<_> = cost.over_budget().into_iter().map(|row| row.action.as_str()).collect();
    assert_eq!(above, ["ReserveItem"]);
}

#[tokio::test]
async fn a_front_end_costs_what_the_table_allows_and_a_shop_without_one_pays_nothing_for_it() {
    let order = MeasuredOrder { story: Story::Delivered, lines: 1 };
    let secret: FrontEndSecret = "a secret of a front end in a test".parse().unwrap();
    let answer = measure_with(order, |mut functions| {
        functions.push(chorus_storefront::function(Arc::new(KnownSecret(secret))).into());
        functions
    });
    let (answer, without) = (answer.await.unwrap(), cost_of(Story::Delivered).await);
    let above: Vec<_> =
        answer.over_budget().into_iter().map(|row| (&*row.action, row.most_write_units)).collect();
    assert_eq!(above, [("RecordEvent", 2.0)], "a signed update is longer than a kilobyte");
    let signs = answer.rows.iter().find(|row| row.action == "SignUpdate").unwrap();
    let used = signs.cost.used;
    assert_eq!((used.requests, used.write_units, used.events), (5, 10.0, 5), "one for each step");
    let more = answer.order.dollars_per_million - without.order.dollars_per_million;
    assert!((20.0..26.0).contains(&more), "docs/adr/0010 says about $23, and it is {more}");
    assert!(without.rows.iter().all(|row| !row.action.ends_with("Update")), "{without:#?}");
}

#[tokio::test]
async fn a_public_event_costs_what_the_table_allows_and_a_shop_that_has_none_pays_nothing_for_it() {
    let order = MeasuredOrder { story: Story::Delivered, lines: 1 };
    let public = measure_with(order, |mut functions| {
        functions.push(chorus_enterprise::function(Currency::EUR).into());
        functions
    });
    let (public, without) = (public.await.unwrap(), cost_of(Story::Delivered).await);
    assert!(public.over_budget().is_empty(), "{:#?}", public.over_budget());
    let publishes = public.rows.iter().find(|row| row.action == "PublishOutcome").unwrap();
    assert_eq!(publishes.cost.used.events, 1, "{publishes:?}");
    let more = public.order.dollars_per_million - without.order.dollars_per_million;
    assert!((3.0..6.0).contains(&more), "docs/adr/0014 says about $5, and it is {more}");
    assert!(without.rows.iter().all(|row| !row.action.ends_with("Outcome")), "{without:#?}");
}

#[tokio::test]
async fn the_rows_add_up_to_the_order_and_a_second_run_costs_the_same() {
    let (first, second) = (cost_of(Story::Delivered).await, cost_of(Story::Delivered).await);
    assert_eq!(first.order.used, second.order.used);
    let writes: f64 = first.rows.iter().map(|row| row.cost.used.write_units).sum();
    assert_eq!(writes, first.order.used.write_units);
    let events: u64 = first.rows.iter().map(|row| row.cost.used.events).sum();
    assert_eq!(events, 15, "12 of the story, and three emails");
}

#[tokio::test]
async fn as_json_the_order_has_seven_figures_and_a_row_its_name_and_budget_too() {
    let cost = serde_json::to_value(cost_of(Story::Delivered).await).unwrap();
    let figures = [
        "dollars-per-million",
        "events",
        "invocations",
        "read-units",
        "requests",
        "transitions",
        "write-units",
    ];
    let names = |value: &serde_json::Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&cost["order"]), figures);
    let first = &cost["rows"][0];
    assert_eq!(first["action"], "CreateOrder");
    assert!(figures.iter().all(|figure| first[figure].is_number()), "{first}");
    assert_eq!(names(&first["budget"]), ["requests", "write-units"]);
}

#[tokio::test]
async fn a_log_in_batches_saves_invocations_and_pays_most_of_it_to_its_queue() {
    let cost = cost_of(Story::Delivered).await;
    let log = cost.batched_log.expect("the story has events");
    assert_eq!(log.events_per_invocation, 100.0);
    let (whole, part) = (cost.order.used.invocations as f64, log.invocations);
    assert!((part - (whole - 15.0 + 0.15)).abs() < 1e-9, "{part} of {whole}");
    assert_eq!(log.queue_requests, 18.0, "15 are sent; ten are received, or deleted, at once");
    let saved = cost.order.dollars_per_million - log.dollars_per_million;
    assert!(
        (0.0..2.0).contains(&saved),
        "docs/DEPLOY.md says less than a dollar, and it is {saved}"
    );
    assert!(log.seconds_behind < 1.0, "{log:?}");
}

#[tokio::test]
async fn a_delivered_order_takes_no_more_than_docs_deploy_allows_it() {
    let used = cost_of(Story::Delivered).await.order;
    assert!(used.dollars_per_million <= 165.0, "{used:?}");
    assert!(used.used.requests <= 70 && used.used.write_units <= 115.0, "{used:?}");
    assert!(used.used.transitions <= 2, "{used:?}");
}

#[tokio::test]
async fn an_order_of_more_lines_costs_more() {
    let of = async |lines| measure(MeasuredOrder { story: Story::Delivered, lines }).await.unwrap();
    let (one, ten) = (of(1).await, of(10).await);
    assert!(ten.order.used.write_units > one.order.used.write_units + 9.0);
    assert!(ten.order.dollars_per_million > one.order.dollars_per_million);
}

/// An action that writes one item more than its row's budget allows.
struct WritesOnceMore(Arc<dyn Handler>);

#[async_trait]
impl Handler for WritesOnceMore {
    fn row(&self) -> RowSpec {
        self.0.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.0.reads(detail_type)
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let key = Key {
            table: IDEMPOTENCY_TABLE.name,
            pk: message.metadata.idempotency_key.clone(),
            sk: "planted".to_owned(),
        };
        let item = key.to_item();
        let planted = kernel.store.write(&[Write::Put { key, item, condition: None }]).await;
        planted.map_err(Failure::from)?;
        self.0.handle(kernel, message).await
    }
}

fn plant(mut service: HttpFunction) -> HttpFunction {
    for handler in &mut service.function.handlers {
        if handler.row().action == "ReserveItem" {
            *handler = Arc::new(WritesOnceMore(Arc::clone(handler)));
        }
    }
    service
}
