//! The requests of the API's clients, and the responses.

use chorus_http::{Problem, Response};

use super::task::{Done, NextStep, Purpose};
use super::{Planned, Simulation};
use crate::application::Application;

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
        let kernel = self.kernel.clone();
        let future = async move { Done::Answer(route.answer(&kernel, request).await) };
        let purpose = Purpose::Request { client: index, attempt };
        self.spawn(NextStep { label, place: place.to_owned(), purpose }, Box::pin(future));
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
        }
        let again = client.answered.is_none() && attempt == client.attempts;
        let pause = client.pause();
        self.environment.state().trace.happened(now, &line);
        if again {
            self.plan(pause, Planned::Request(index));
        }
    }
}
