//! The requests of the API's clients, and the responses.

use chorus_http::{Problem, Response};

use super::task::{Done, NextStep, Purpose};
use super::{Planned, Simulation};
use crate::application::Application;
use crate::draw::Draw;

impl<A: Application> Simulation<A> {
    pub(super) fn request(&mut self, index: usize) {
        let client = &mut self.observed.clients[index];
        if client.answered.is_some() || client.attempts >= client.patience {
            return;
        }
        client.attempts += 1;
        let attempt = client.attempts;
        let label = format!("{}, attempt {attempt}", client.name);
        let request = self.application.request(client, self.environment.now());
        let place = client.route;
        let Some(route) = self.routes.get(place).cloned() else {
            self.environment.violated(format!("routes: there is no {place}"));
            return;
        };
        let site = self.called(index, attempt);
        if self.sites[site].away {
            let away = Problem::new(503, "unavailable", "the region is away");
            self.answered(index, attempt, &Err(away));
            return;
        }
        let kernel = self.sites[site].kernel.clone();
        let future = async move { Done::Answer(route.answer(&kernel, request).await) };
        let purpose = Purpose::Request { client: index, attempt };
        let next = NextStep { label, place: place.to_owned(), purpose, site };
        self.spawn(next, Box::pin(future));
    }

    /// The index of the site (the region) to which a client sends this attempt. It is mostly the
    /// active site, but some clients do not know yet that another site took over.
    fn called(&self, client: usize, attempt: u32) -> usize {
        let mut draw = Draw::numbered(self.environment.seed, client as u64);
        let stale = (0..attempt).fold(false, |_, _| draw.percent(15));
        let other = (0..self.sites.len()).find(|site| *site != self.active && stale);
        other.filter(|site| !self.sites[*site].away).unwrap_or(self.active)
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
        let now = self.environment.now();
        let client = &mut self.observed.clients[index];
        let line = format!("{}, attempt {attempt}: answered {status}", client.name);
        if let Some(wrong) = self.application.check_answer(client, answer) {
            self.environment.violated(wrong);
        }
        if client.answered.is_none() && client.is_satisfied(status) {
            client.answered = Some(status);
            client.answered_at = Some(now);
        }
        let again = client.answered.is_none() && attempt == client.attempts;
        let pause = client.pause();
        self.environment.state().trace.happened(now, &line);
        if again {
            self.plan(pause, Planned::Request(index));
        }
    }
}
