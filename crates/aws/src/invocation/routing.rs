//! Finds the route of a request.

use std::collections::BTreeMap;

use chorus_http::{Method, Problem, Route};
use percent_encoding::percent_decode_str;

/// A route, and the values of the `{names}` in its path.
pub(super) type Found<'a> = (&'a Route, BTreeMap<String, String>);

/// The route that answers `method` on `path`. If several routes match, returns the route whose path
/// has the fewest `{names}`.
///
/// # Errors
/// 404 if no route has the path; 405 if routes have the path, but none of them answers the method.
pub(super) fn find<'a>(
    routes: &'a [Route],
    method: &Method,
    path: &str,
) -> Result<Found<'a>, Problem> {
    let fitting = routes.iter().filter_map(|route| Some((route, parameters(route.path, path)?)));
    let mut fitting: Vec<Found<'a>> = fitting.collect();
    fitting.sort_by_key(|(_, parameters)| parameters.len());
    if fitting.is_empty() {
        return Err(Problem::new(404, "not-found", format!("there is nothing at {path}")));
    }
    let answering = fitting.into_iter().find(|(route, _)| route.method == *method);
    answering.ok_or_else(|| Problem::new(405, "method", "this path does not accept this method"))
}

/// Reads the values of the `{names}` of `template` from `path`; `None` if the path does not match.
fn parameters(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut rest = path.split('/');
    for part in template.split('/') {
        let given = rest.next()?;
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match name {
            Some(name) if !given.is_empty() => {
                let value = percent_decode_str(given).decode_utf8().ok()?;
                found.insert(name.to_owned(), value.into_owned());
            }
            None if part == given => {}
            _ => return None,
        }
    }
    rest.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_its_template_part_by_part() {
        let found = parameters("/orders/{order-id}/events", "/orders/10%2073/events").unwrap();
        assert_eq!(found["order-id"], "10 73");
        let template = "/orders/{order-id}";
        for other in ["/orders", "/orders/", "/orders/1/events", "/order/1", "orders/1", "/"] {
            assert_eq!(parameters(template, other), None, "{other}");
        }
        assert!(parameters("/orders", "/orders").unwrap().is_empty());
    }
}
