//! The values of plain YAML scalars, as CloudFormation reads them: by most rules of YAML 1.1.

use serde_json::{Number, Value};

/// The value of a scalar written without quotes and without a tag.
///
/// Dates and base-60 numbers stay text, because CloudFormation accepts neither. A number with a
/// leading zero stays text, too, since it is far more often an account id than an octal number.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// The number that `text` denotes; `None` if `text` is no number, or one that JSON cannot express.
pub(crate) fn number(text: &str) -> Option<Number> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        let value = i64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with(['-', '+']))?;
        return Some(if sign.is_empty() { value } else { -value }.into());
    }
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let plain: String = digits.chars().filter(|one| *one != '_').collect();
    let (mantissa, exponent) = match plain.find(['e', 'E']) {
        Some(at) => (&plain[..at], &plain[at..]),
        None => (&*plain, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    // If this text is no number, the JSON parser rejects it.
    serde_json::from_str(&format!("{sign}{whole}{point}{fraction}{exponent}")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::plain;

    #[test]
    fn words_and_numbers_are_read_as_cloudformation_does() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("", Value::Null),
            ("42", json!(42)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            (".5", json!(0.5)),
            ("5.", json!(5)),
            ("3.018e2", json!(301.8)),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_number_and_is_none_stays_text() {
        let texts =
            ["012345678901", "2010-09-09", "12:30", "1.2.3", ".", "-", "1e", "0x", "0x-1", "1,5"];
        for text in texts.into_iter().chain([".inf", "e5", "y", "1__e"]) {
            assert_eq!(plain(text), json!(text));
        }
    }
}
