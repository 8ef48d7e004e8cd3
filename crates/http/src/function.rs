//! A service's function together with its routes.

use chorus_kernel::Function;

use crate::Route;

/// A service's function together with the HTTP routes that it answers.
#[derive(Debug, Clone)]
pub struct HttpFunction {
    /// What it does on events and tasks.
    pub function: Function,
    /// What it answers over HTTP.
    pub routes: Vec<Route>,
}

impl HttpFunction {
    /// `function`, answering `routes`.
    pub fn new(function: Function, routes: impl IntoIterator<Item = Route>) -> Self {
        Self { function, routes: routes.into_iter().collect() }
    }

    /// What an engine runs and what a server answers, apart.
    pub fn split(all: impl IntoIterator<Item = Self>) -> (Vec<Function>, Vec<Route>) {
        let (functions, routes): (Vec<_>, Vec<_>) =
            all.into_iter().map(|it| (it.function, it.routes)).unzip();
        (functions, routes.into_iter().flatten().collect())
    }
}

impl From<Function> for HttpFunction {
    fn from(function: Function) -> Self {
        Self::new(function, [])
    }
}
