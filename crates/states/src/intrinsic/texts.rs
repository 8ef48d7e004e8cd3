//! The intrinsic functions on strings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::call::text;
use crate::json::Json;

/// The maximum number of characters that `States.Hash` and the Base64 functions accept.
const MAX_CHARACTERS: usize = 10_000;

/// Replaces each `{}` of the template by the next argument; `\{`, `\}`, `\'` and `\\` are escapes.
pub(super) fn format(arguments: &[Json]) -> Result<Json, String> {
    let template = text(&arguments[0])?;
    let mut values = arguments[1..].iter();
    let mut formatted = String::with_capacity(template.len());
    let mut characters = template.chars().peekable();
    while let Some(next) = characters.next() {
        match (next, characters.peek()) {
            ('\\', Some('\'' | '\\' | '{' | '}')) => formatted.extend(characters.next()),
            ('{', Some('}')) => {
                characters.next();
                let value = values.next().ok_or_else(|| mismatch(template, arguments))?;
                spell(value, &mut formatted);
            }
            ('{' | '}', _) => {
                return Err(format!("an unmatched '{next}' in the template '{template}'"));
            }
            _ => formatted.push(next),
        }
    }
    match values.next() {
        None => Ok(Json::String(formatted)),
        Some(_) => Err(mismatch(template, arguments)),
    }
}

/// Writes a value into a text as Step Functions does: objects and arrays in Java's notation,
/// `{name=Chai, tags=[hot, sweet]}`, and strings without quotes.
fn spell(value: &Json, text: &mut String) {
    let separate = |position: usize, text: &mut String| {
        if position > 0 {
            text.push_str(", ");
        }
    };
    match value {
        Json::String(plain) => text.push_str(plain),
        Json::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                separate(position, text);
                spell(item, text);
            }
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                separate(position, text);
                text.push_str(name);
                text.push('=');
                spell(member, text);
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn mismatch(template: &str, arguments: &[Json]) -> String {
    let given = arguments.len() - 1;
    format!("the occurrences of {{}} in '{template}' do not match the {given} arguments given")
}

/// Parses the JSON in a string. A blank string gives null, and null gives null.
pub(crate) fn string_to_json(arguments: &[Json]) -> Result<Json, String> {
    match &arguments[0] {
        Json::Null => Ok(Json::Null),
        argument => {
            let source = text(argument)?;
            if source.trim().is_empty() {
                return Ok(Json::Null);
            }
            source.parse().map_err(|error| format!("the string is not JSON: {error}"))
        }
    }
}

pub(super) fn base64_encode(arguments: &[Json]) -> Result<Json, String> {
    let source = text(&arguments[0])?;
    within_limit(source)?;
    Ok(Json::String(STANDARD.encode(source)))
}

pub(super) fn base64_decode(arguments: &[Json]) -> Result<Json, String> {
    let source = text(&arguments[0])?;
    within_limit(source)?;
    let bytes = STANDARD.decode(source).map_err(|error| format!("not base64: {error}"))?;
    Ok(Json::String(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Returns the hexadecimal digest of a string, or of any other value's JSON text.
pub(crate) fn hash(arguments: &[Json]) -> Result<Json, String> {
    let source = match &arguments[0] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    within_limit(&source)?;
    let bytes = source.as_bytes();
    let digest = match text(&arguments[1])? {
        "MD5" => hex::encode(Md5::digest(bytes)),
        "SHA-1" => hex::encode(Sha1::digest(bytes)),
        "SHA-256" => hex::encode(Sha256::digest(bytes)),
        "SHA-384" => hex::encode(Sha384::digest(bytes)),
        "SHA-512" => hex::encode(Sha512::digest(bytes)),
        other => {
            return Err(format!(
                "'{other}' is none of the algorithms MD5, SHA-1, SHA-256, SHA-384 and SHA-512"
            ));
        }
    };
    Ok(Json::String(digest))
}

/// Splits a string at every character that the second argument contains; leaves out empty parts.
pub(super) fn split(arguments: &[Json]) -> Result<Json, String> {
    let (source, splitters) = (text(&arguments[0])?, text(&arguments[1])?);
    let parts = source.split(|next| splitters.contains(next)).filter(|part| !part.is_empty());
    Ok(Json::Array(parts.map(Json::from).collect()))
}

fn within_limit(source: &str) -> Result<(), String> {
    match source.chars().count() {
        count if count > MAX_CHARACTERS => {
            Err(format!("the string has {count} characters; at most {MAX_CHARACTERS} are allowed"))
        }
        _ => Ok(()),
    }
}
