//! Entity tags (RFC 9110, section 8.8.3). By these tags, a caller does not get a response again
//! that it already has, and cannot overwrite a change that it has not read.

use sha2::{Digest, Sha256};

use crate::{Problem, Request, Response};

/// The name of the header with a response's tag.
pub(crate) const ETAG: &str = "etag";

/// What a writing request demands of the stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// There is no value yet.
    Absent,
    /// There is a value.
    Present,
    /// The value has this version.
    Version(u64),
}

impl Precondition {
    /// Reads the headers `If-Match` and `If-None-Match` of a writing request. Each is checked, even if
    /// both are sent.
    ///
    /// # Errors
    /// 400 if `If-Match` has several tags, or `If-None-Match` is not `*`. 412 if nothing stored can
    /// match: a header is empty, this API does not issue such a tag, or both headers are sent.
    pub fn of(request: &Request) -> Result<Option<Self>, Problem> {
        // An empty header differs from an absent header.
        let sent = |name| request.headers.get(name).map(String::as_str);
        let existing = sent("if-match").map(Self::if_match).transpose()?;
        let absent = sent("if-none-match").map(Self::if_none_match).transpose()?;
        if existing.is_some() && absent.is_some() {
            return Err(precondition(
                "If-Match and If-None-Match must not be sent together: nothing can match both",
            ));
        }
        Ok(existing.or(absent))
    }

    fn if_match(tag: &str) -> Result<Self, Problem> {
        match tag {
            "" => Err(precondition("If-Match must not be empty")),
            "*" => Ok(Self::Present),
            tag if tag.contains(',') => {
                Err(Problem::field(400, "If-Match", "must be one ETag, or *"))
            }
            tag => version(tag).map(Self::Version).ok_or_else(|| {
                precondition("If-Match must be an ETag of this API, or *: no version has this ETag")
            }),
        }
    }

    fn if_none_match(tag: &str) -> Result<Self, Problem> {
        match tag {
            "" => Err(precondition("If-None-Match must not be empty")),
            "*" => Ok(Self::Absent),
            _ => Err(Problem::field(400, "If-None-Match", "must be * in a request that writes")),
        }
    }
}

fn precondition(detail: &str) -> Problem {
    Problem::new(412, "precondition", detail)
}

pub(crate) fn tag_of_version(version: u64) -> String {
    format!("\"v{version}\"")
}

fn version(tag: &str) -> Option<u64> {
    tag.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok()
}

/// Adds an entity tag to the response of a reading request, unless the response already has a tag.
/// The added tag derives from the body. If the caller's request names the response's tag, the
/// response becomes a 304 without a body.
pub(crate) fn revalidated(mut response: Response, request: &Request) -> Response {
    if response.status != 200 {
        return response;
    }
    let own = response.headers.iter().find(|(name, _)| *name == ETAG);
    let tag = match own {
        Some((_, tag)) => tag.clone(),
        None => {
            let tag = tag_of(&response.text());
            response.headers.push((ETAG, tag.clone()));
            tag
        }
    };
    if request.header("if-none-match").is_some_and(|known| names(known, &tag)) {
        response.status = 304;
    }
    response
}

fn tag_of(body: &str) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(body)[..12]))
}

/// Whether `list`, such as `"a", W/"b"`, contains `tag` or `*`.
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(headers: &[(&str, &str)]) -> Request {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Request { headers: headers.iter().map(owned).collect(), ..Request::default() }
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let asked = |known| {
            let response = Response::json(200, json!({ "name": "chai" })).version(7);
            revalidated(response, &request(&[("if-none-match", known)]))
        };
        for known in ["\"v7\"", "W/\"v7\"", "\"v6\", \"v7\"", "*"] {
            let response = asked(known);
            assert_eq!((response.status, response.text().as_str()), (304, ""), "{known}");
            assert_eq!(response.headers, [(ETAG, "\"v7\"".to_owned())]);
        }
        for known in ["\"v6\"", "v7", "\"v77\""] {
            assert_eq!(asked(known).status, 200, "{known}");
        }
    }

    #[test]
    fn what_has_no_version_is_tagged_by_its_content() {
        let tag = |body| {
            let response = revalidated(Response::json(200, body), &Request::default());
            response.headers[0].1.clone()
        };
        assert_eq!(tag(json!(1)), tag(json!(1)));
        assert_ne!(tag(json!(1)), tag(json!(2)));
        let refused = revalidated(Response::json(404, json!(1)), &Request::default());
        assert!(refused.headers.is_empty());
    }

    #[test]
    fn a_writer_demands_a_version_something_or_nothing() {
        let demanded = |name, value| Precondition::of(&request(&[(name, value)]));
        assert_eq!(demanded("if-match", "\"v7\""), Ok(Some(Precondition::Version(7))));
        assert_eq!(demanded("if-match", "*"), Ok(Some(Precondition::Present)));
        assert_eq!(demanded("if-none-match", "*"), Ok(Some(Precondition::Absent)));
        assert_eq!(Precondition::of(&Request::default()), Ok(None));
        let sent_both = |existing, absent| {
            let sent = [("if-match", existing), ("if-none-match", absent)];
            Precondition::of(&request(&sent)).unwrap_err().status
        };
        for (name, value, status) in [
            ("if-match", "W/\"v7\"", 412),
            ("if-match", "\"5f2c\"", 412),
            ("if-match", "\"v7\", \"v8\"", 400),
            ("if-match", "", 412),
            ("if-none-match", "", 412),
            ("if-none-match", "\"v7\"", 400),
        ] {
            assert_eq!(demanded(name, value).unwrap_err().status, status, "{name}: {value}");
        }
        assert_eq!(sent_both("*", "6(}"), 400, "the second header is checked, too");
        assert_eq!(sent_both("\"v7\"", "*"), 412);
    }
}
