//! The table of routes and their callers in docs/SECURITY.md.

use std::path::Path;

use crate::functions;

/// The path of the page with the table of routes, relative to the repository's root.
const PAGE: &str = "docs/SECURITY.md";
const BEGIN: &str =
    "<!-- Written by `cargo design --write` from the design table and the routes. -->\n";
const END: &str = "<!-- End of the generated table. -->\n";

/// Returns the Markdown table of all routes and their callers, sorted by path.
#[must_use]
pub fn who_may_call() -> String {
    let routes = functions::all().into_iter().flat_map(|function| function.routes);
    let line = |route: chorus_http::Route| {
        let (method, path) = (&route.method, route.path);
        format!("| `{method} {path}` | {} | {} |\n", route.summary, route.callers)
    };
    let mut lines: Vec<(&str, String)> = routes.map(|route| (route.path, line(route))).collect();
    lines.sort();
    let lines: String = lines.into_iter().map(|(_, line)| line).collect();
    format!("| route | what it does | for |\n|---|---|---|\n{lines}")
}

/// Returns the path of docs/SECURITY.md, and its content with the current table of routes; `None`
/// if the repository `root` has no such page, or if the page lacks the markers around the table.
#[must_use]
pub fn security_page(root: &Path) -> Option<(String, String)> {
    let page = std::fs::read_to_string(root.join(PAGE)).ok()?;
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some((PAGE.to_owned(), format!("{before}{BEGIN}{}{END}{after}", who_may_call())))
}
