//! The clients of a run, and when each of them calls.

use std::time::Duration;

use super::{Planned, Simulation};
use crate::application::Application;
use crate::client::Client;
use crate::environment::later;
use crate::outage::Outage;
use crate::region::WAITS;
use crate::trouble::Trouble;

impl<A: Application> Simulation<A> {
    /// Repeats the request of every client that got an answer and whose `repeats` is set.
    pub(crate) fn repeat(&mut self) {
        let clients = self.observed.clients.iter();
        let answered = clients.filter(|it| it.answered.is_some() && it.repeats);
        let again: Vec<Client> = answered.map(Client::again).collect();
        self.start_clients(again);
    }

    /// Runs the clients that prepare the application. No fault is injected meanwhile.
    pub(crate) fn set_up(&mut self) {
        let clients = self.application.set_up();
        self.start_clients(clients);
        if self.scenario.has_two_regions() {
            // Waits until what the set-up wrote has arrived in the second region. No fault is
            // injected before that.
            self.wait(WAITS);
        }
    }

    fn start_clients(&mut self, clients: Vec<Client>) {
        for client in clients {
            self.appear(client, Duration::ZERO);
        }
        self.run();
    }

    /// Plays the scenario, until nothing is left to do.
    pub(crate) fn play(&mut self) {
        {
            let mut state = self.environment.state();
            state.armed = true;
            let begins = self.environment.now();
            let away = |it: &Outage| {
                let from = later(begins, it.from);
                (it.port, from, later(from, it.lasts))
            };
            state.away = self.scenario.outages.iter().map(away).collect();
            state.skews = self.scenario.troubles.contains(&Trouble::SKEW);
        }
        for (at, client) in self.application.callers() {
            self.appear(client, at);
        }
        let mut chores: Vec<(Duration, Planned)> = Vec::new();
        let scenario = &self.scenario;
        chores.extend(scenario.replays.iter().map(|at| (*at, Planned::Replay)));
        chores.extend(scenario.rebuilds.iter().map(|at| (*at, Planned::Rebuild)));
        chores.extend(scenario.redrives.iter().map(|at| (*at, Planned::Redrive)));
        let poison = scenario.poison.iter().enumerate();
        chores.extend(poison.map(|(number, at)| (*at, Planned::Poison(number))));
        let sent = self.application.sent().into_iter();
        chores.extend(sent.map(|(at, sent)| (at, Planned::Send(sent))));
        for (at, chore) in chores {
            self.plan(at, chore);
        }
        self.run();
        // The first region goes away after a number of calls that the seed determines. If the
        // functions made fewer calls, the region goes away now, when nothing is left to do.
        self.lose_region();
        self.run();
    }
}
