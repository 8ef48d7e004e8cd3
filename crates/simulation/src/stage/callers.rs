//! Callers of the API, the carrier's webhook among them: what they ask, and what they hear.

use std::time::Duration;

use chorus_http::{Problem, Response};

use super::task::{Done, Errand, Purpose};
use super::{Doing, Stage};
use crate::client::{Client, Wish};

impl Stage {
    pub(super) fn call_back(&mut self, key: &str) {
        let Some(callback) = self.courier.advance(key) else { return };
        let planned = self.scenario.orders.iter().find(|it| it.order_id == callback.order_id);
        let order = planned.map_or("an unknown order", |order| order.name.as_str()).to_owned();
        self.appear(Client::tells(&callback, &order), Duration::ZERO);
        if callback.twice {
            self.appear(Client::tells(&callback, &format!("{order}, twice")), Duration::ZERO);
        }
    }

    pub(super) fn request(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.answered.is_some() || client.attempts >= client.patience {
            return;
        }
        client.attempts += 1;
        let attempt = client.attempts;
        let label = format!("{}, attempt {attempt}", client.name);
        let request = client.attempt(&self.secret, self.world.now());
        let route = client.route;
        let Some(endpoint) = self.routes.get(route).cloned() else {
            self.world.violated(format!("routes: there is no {route}"));
            return;
        };
        let kernel = self.kernel.clone();
        let future = async move { Done::Answer(endpoint.call(&kernel, &request).await) };
        let purpose = Purpose::Request { client: index, attempt };
        self.spawn(Errand { label, place: route.to_owned(), purpose }, Box::pin(future));
    }

    pub(super) fn answered(
        &mut self,
        index: usize,
        attempt: u32,
        answer: &Result<Response, Problem>,
    ) {
        let status = match answer {
            Ok(response) => response.status,
            Err(problem) => problem.status,
        };
        let now = self.world.now();
        let client = &mut self.clients[index];
        let line = format!("{}, attempt {attempt}: answered {status}", client.name);
        if let (Ok(response), Wish::Place(_)) = (answer, &client.wish)
            && !client.is_answered_by(&response.body)
        {
            self.world
                .violated(format!("callers: {} was answered with another order", client.name));
        }
        if client.answered.is_none() && (client.satisfied(status) || status == 201) {
            client.answered = Some(status);
        }
        let again = client.answered.is_none() && attempt == client.attempts;
        let pause = client.pause();
        self.world.state().trace.happened(now, &line);
        if again {
            self.plan(pause, Doing::Request(index));
        }
    }

    /// Whether a caller was told that this order was placed.
    pub(crate) fn was_placed(&self, order_id: &chorus_events::OrderId) -> bool {
        let placed = |client: &&Client| client.wish == Wish::Place(order_id.clone());
        self.clients.iter().filter(placed).any(|client| client.answered == Some(201))
    }
}
