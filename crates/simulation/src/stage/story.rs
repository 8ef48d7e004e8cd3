//! Who comes, and when.

use std::time::Duration;

use super::{Doing, Stage};
use crate::client::Client;
use crate::fault::Trouble;
use crate::scenario::{CUSTOMERS, ITEMS, PlannedOrder, Review};

impl Stage {
    /// Every caller of the shop who was answered asks the same again.
    pub(crate) fn repeat(&mut self) {
        let asked =
            self.clients.iter().filter(|it| it.answered.is_some() && it.wish.is_of_orders());
        let again: Vec<Client> = asked.map(Client::again).collect();
        for client in again {
            self.appear(client, Duration::ZERO);
        }
        self.run();
    }

    /// Lists the items and keeps the customers, with nothing going wrong.
    pub(crate) fn set_up(&mut self) {
        let listings = ITEMS.iter().map(|it| Client::lists(it.0, it.1, it.2, 0));
        let clients: Vec<Client> = listings.chain(CUSTOMERS.map(Client::keeps)).collect();
        for client in clients {
            self.appear(client, Duration::ZERO);
        }
        self.run();
    }

    /// Plays the story, until nothing is left to be done.
    pub(crate) fn play(&mut self) {
        {
            let mut state = self.world.state();
            state.armed = true;
            state.skews = self.scenario.troubles.contains(&Trouble::Skew);
        }
        let scenario = self.scenario.clone();
        for order in &scenario.orders {
            self.appear(Client::places(order, false), order.at);
            if let Some((after, changed)) = order.twin {
                let mut twin = Client::places(order, changed);
                twin.name = format!("{} again", twin.name);
                self.appear(twin, order.at + after);
            }
            if let Some(after) = order.cancel {
                self.appear(Client::cancels(&order.order_id, &order.name), order.at + after);
            }
            self.appear_reviewer(order);
        }
        for (time, (at, sku, price)) in scenario.prices.iter().enumerate() {
            let stock = ITEMS.iter().find(|it| it.0 == *sku).map_or(0, |it| it.2);
            self.appear(Client::lists(sku, *price, stock, time + 1), *at);
        }
        for at in &scenario.replays {
            self.plan(*at, Doing::Replay);
        }
        for at in &scenario.rebuilds {
            self.plan(*at, Doing::Rebuild);
        }
        for at in &scenario.redrives {
            self.plan(*at, Doing::Redrive);
        }
        for (number, at) in scenario.poison.iter().enumerate() {
            self.plan(*at, Doing::Poison(number));
        }
        self.run();
    }

    fn appear_reviewer(&mut self, order: &PlannedOrder) {
        if !order.lines.iter().any(|(sku, _)| *sku == "piano") {
            return;
        }
        let (review, after) = order.review;
        let says = |verdict: &str| {
            let name = format!("review of {}, {verdict}", order.name);
            Client::reviews(&order.order_id, verdict, name)
        };
        let at = order.at + after;
        match review {
            Review::Approves => self.appear(says("approve"), at),
            Review::Declines => self.appear(says("decline"), at),
            Review::ChangesMind => {
                self.appear(says("approve"), at);
                self.appear(says("decline"), at + Duration::from_millis(2));
            }
            Review::Never => {}
        }
    }
}
