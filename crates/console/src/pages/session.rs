//! Signing in, where the shop asks for a token: a browser sends none by itself, so the token is kept
//! as a cookie that no script reads and no other site's page sends.

use askama::Template;
use axum::Form;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chorus_http::SESSION_COOKIE;
use serde::Deserialize;

use crate::Console;
use crate::page::{Frame, NoPage, render};

/// As long as a token is good, in seconds.
const LASTS: u32 = 12 * 3_600;

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
    /// Guards the form.
    token: String,
    /// What `chorus token` printed.
    bearer: String,
}

/// Keeps the token in the browser; whether it is good, the next page says.
pub(crate) async fn sign_in(
    console: Console,
    headers: HeaderMap,
    Form(SignIn { token, bearer }): Form<SignIn>,
) -> Result<Response, NoPage> {
    console.takes(&headers, &token)?;
    let bearer = bearer.trim();
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bearer.is_empty() || !bearer.chars().all(is_token) {
        let detail = "This is no token: paste what `chorus token` prints.";
        return Err(NoPage::new(&console, StatusCode::BAD_REQUEST, "Not signed in", detail));
    }
    Ok(kept(bearer, LASTS))
}

/// Forgets the token.
pub(crate) async fn sign_out(
    console: Console,
    headers: HeaderMap,
    Form(sent): Form<SignOut>,
) -> Result<Response, NoPage> {
    console.takes(&headers, &sent.token)?;
    Ok(kept("", 0))
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    token: String,
}

fn kept(bearer: &str, seconds: u32) -> Response {
    let cookie =
        format!("{SESSION_COOKIE}={bearer}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/console")).into_response()
}

/// Whoever is not known is asked to sign in, instead of being told that they may not see a page.
pub(crate) async fn asked_to_sign_in(response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        return Redirect::to("/console/sign-in").into_response();
    }
    response
}
