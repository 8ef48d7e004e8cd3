//! Signing in, for a shop that requires a token. A browser does not send a token by itself, so the
//! token is stored in a cookie. Scripts cannot read this cookie, and a browser does not send it
//! with other sites' requests.

use askama::Template;
use axum::Form;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chorus_http::SESSION_COOKIE;
use serde::Deserialize;

use crate::Console;
use crate::page::{ErrorPage, Frame, render};

/// The lifetime of the cookie in seconds. A token is valid for just as long.
const SESSION_SECONDS: u32 = 12 * 3_600;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
}

pub(crate) async fn page(console: Console) -> Response {
    render(&SignInPage { frame: Frame::of(&console, "", "") })
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    /// The form's secret, which other sites do not know, so that they cannot send the form.
    token: String,
    /// The token that `chorus token` printed.
    bearer: String,
}

/// Stores the bearer token in a cookie. The shop checks this token at the next request.
pub(crate) async fn sign_in(
    console: Console,
    headers: HeaderMap,
    Form(SignIn { token, bearer }): Form<SignIn>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &token)?;
    let bearer = bearer.trim();
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bearer.is_empty() || !bearer.chars().all(is_token) {
        let detail = "This is not a token: paste what `chorus token` prints.";
        return Err(ErrorPage::new(&console, StatusCode::BAD_REQUEST, "Not signed in", detail));
    }
    Ok(session_cookie(bearer, SESSION_SECONDS))
}

/// Deletes the cookie.
pub(crate) async fn sign_out(
    console: Console,
    headers: HeaderMap,
    Form(sent): Form<SignOut>,
) -> Result<Response, ErrorPage> {
    console.check_form(&headers, &sent.token)?;
    Ok(session_cookie("", 0))
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    token: String,
}

fn session_cookie(bearer: &str, seconds: u32) -> Response {
    let cookie = format!(
        "{SESSION_COOKIE}={bearer}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    );
    ([(header::SET_COOKIE, cookie)], Redirect::to("/console")).into_response()
}

/// Redirects an unknown caller to the sign-in page, instead of showing an error.
pub(crate) async fn asked_to_sign_in(response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        return Redirect::to("/console/sign-in").into_response();
    }
    response
}
