//! Numbers as EventBridge's engine compares them. The engine compares only decimals that are the
//! same after a conversion to a double and back.
//!
//! In the range of doubles, every number of up to 15 significant digits is one of these decimals.
//! The engine cannot compare any other number, such as `12345678901234567890`: `numeric` never
//! accepts such a number, and `anything-but` never excludes it. A plain value in a pattern matches
//! such a number only in the same spelling.

/// A double as an integer; the integers sort as the doubles do. `-0` has the same key as `0`.
pub(crate) type Key = u64;

/// The powers of ten that a double represents exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Returns the key of `value`, which must be finite.
pub(crate) fn key_of(value: f64) -> Key {
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits }
}

/// Returns the double with this key.
pub(crate) fn value_of(key: Key) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key ^ (1 << 63) } else { !key })
}

/// Returns the key of a JSON number as written; `None` if EventBridge's engine cannot compare the
/// number.
pub(crate) fn key(text: &str) -> Option<Key> {
    let decimal = Decimal::read(text);
    if let Some(value) = decimal.small() {
        return Some(key_of(value));
    }
    let value: f64 = text.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    let shortest = format!("{value:e}");
    survives(text, &shortest).then(|| key_of(value))
}

/// The first 15 digits of a number. Most numbers have no further digits.
struct Decimal {
    negative: bool,
    digits: u64,
    exponent: i32,
    complete: bool,
}

impl Decimal {
    fn read(text: &str) -> Self {
        let mut read = Self { negative: false, digits: 0, exponent: 0, complete: true };
        let mut fraction = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'-' => read.negative = true,
                b'.' => fraction = true,
                b'0'..=b'9' if read.digits < 100_000_000_000_000 => {
                    read.digits = read.digits * 10 + u64::from(byte - b'0');
                    read.exponent -= i32::from(fraction);
                }
                b'0'..=b'9' => read.complete = false,
                _ => {
                    match text[at + 1..].trim_start_matches('+').parse::<i32>() {
                        Ok(power) if power.unsigned_abs() < 1000 => read.exponent += power,
                        _ => read.complete = false,
                    }
                    break;
                }
            }
        }
        read
    }

    /// Returns the number as a double; `None` if the number has more than 15 digits, or a power of
    /// ten beyond `EXACT_POWERS`.
    fn small(&self) -> Option<f64> {
        let power = *EXACT_POWERS.get(self.exponent.unsigned_abs() as usize)?;
        if !self.complete {
            return None;
        }
        let digits = self.digits as f64;
        let value = if self.exponent < 0 { digits / power } else { digits * power };
        Some(if self.negative { -value } else { value })
    }
}

/// Whether two spellings denote the same decimal number, apart from the sign.
fn survives(text: &str, shortest: &str) -> bool {
    let (left, right) = (normal(text), normal(shortest));
    left.is_some() && left == right
}

/// Returns the digits without zeros at either end, and the power of ten of the last digit.
fn normal(text: &str) -> Option<(String, i64)> {
    let text = text.trim_start_matches('-');
    let (mantissa, power) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start_matches('+').parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let trimmed = digits.trim_end_matches('0');
    if trimmed.trim_start_matches('0').is_empty() {
        return Some((String::new(), 0));
    }
    let dropped = (digits.len() - trimmed.len()) as i64 - fraction.len() as i64;
    Some((trimmed.trim_start_matches('0').to_owned(), power.checked_add(dropped)?))
}

#[cfg(test)]
mod tests {
    use super::{key, key_of, value_of};

    #[test]
    fn spellings_of_one_number_have_one_key() {
        for (left, right) in [
            ("301.8", "3.018e2"),
            ("0", "-0.0"),
            ("1e3", "1000.0"),
            ("5.0", "5"),
            ("1E-2", "0.010"),
        ] {
            assert_eq!(key(left), key(right), "{left} and {right}");
            assert!(key(left).is_some());
        }
    }

    #[test]
    fn keys_order_like_numbers() {
        let numbers =
            ["-1e300", "-5", "-4.999999", "-1e-7", "0", "1e-300", "0.1", "5", "5e9", "1e300"];
        let keys: Vec<_> = numbers.iter().map(|text| key(text).expect("comparable")).collect();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_number_that_a_double_cannot_hold_has_no_key() {
        for text in [
            "12345678901234567890",
            "9007199254740993",
            "1e400",
            "1e-400",
            "1e-2147483648",
            "1e99999999999999999999",
            "0.1234567890123456789",
        ] {
            assert_eq!(key(text), None, "{text}");
        }
        for text in [
            "27.807807921694092",
            "9007199254740992",
            "123456789012345",
            "0e99999",
            "0.30000000000000004",
        ] {
            assert!(key(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_key_gives_its_value_back() {
        for value in [0.0, -3.5, 301.8, f64::MAX, f64::MIN] {
            assert_eq!(value_of(key_of(value)), value);
        }
    }
}
