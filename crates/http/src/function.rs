//! A service's function together with its routes.

use chorus_kernel::Function;

use crate::Route;

/// A service's function together with its HTTP routes.
#[derive(Debug, Clone)]
pub struct HttpFunction {
    /// The actions on events and tasks.
    pub function: Function,
    /// The routes that the function serves.
    pub routes: Vec<Route>,
}

impl HttpFunction {
    /// `function` with these routes.
    pub fn new(function: Function, routes: impl IntoIterator<Item = Route>) -> Self {
        Self { function, routes: routes.into_iter().collect() }
    }

    /// Separates the functions, which an engine runs, from the routes, which an HTTP server serves.
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
