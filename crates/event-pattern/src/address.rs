//! IP addresses and CIDR blocks, parsed and compared as EventBridge's engine does. The engine
//! accepts some spellings that the standards do not allow.
//!
//! The engine compares addresses as strings of hexadecimal digits, from the left, whatever their
//! length. A block of one family therefore also covers addresses of the other family that begin
//! with the same digits.

/// An IPv4 or an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    V4(u32),
    V6(u128),
}

/// A range of addresses: the lowest and the highest address that it covers in each family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressRange {
    pub(crate) v4: Option<(u32, u32)>,
    pub(crate) v6: (u128, u128),
}

/// Why a CIDR block is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Form,
    Address,
    Mask(u32),
}

impl Address {
    /// Reads dotted decimals, or groups of hexadecimal digits between colons.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        match bytes.first()? {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' => {}
            _ => return None,
        }
        if bytes.contains(&b'.') { v4(text) } else { v6(text) }
    }
}

fn v4(text: &str) -> Option<Address> {
    if text.len() > 15 {
        return None;
    }
    let mut parts = text.split('.');
    let mut address = 0u32;
    for _ in 0..4 {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let octet: u8 = part.parse().ok()?;
        address = (address << 8) | u32::from(octet);
    }
    parts.next().is_none().then_some(Address::V4(address))
}

fn v6(text: &str) -> Option<Address> {
    let (head, tail) = match text.split_once("::") {
        Some((head, tail)) => (groups(head)?, Some(groups(tail)?)),
        None => (groups(text)?, None),
    };
    let mut all = [0u16; 8];
    match tail {
        None if head.len() == 8 => all.copy_from_slice(&head),
        Some(tail) if head.len() + tail.len() < 8 => {
            all[..head.len()].copy_from_slice(&head);
            all[8 - tail.len()..].copy_from_slice(&tail);
        }
        _ => return None,
    }
    let address = all.iter().fold(0u128, |bits, group| (bits << 16) | u128::from(*group));
    // An IPv4-mapped IPv6 address (::ffff:0:0/96) is treated as IPv4.
    if address >> 32 == 0xFFFF {
        return Some(Address::V4(address as u32));
    }
    Some(Address::V6(address))
}

/// Reads at most eight groups of hexadecimal digits between colons. An empty text has no groups.
fn groups(text: &str) -> Option<Vec<u16>> {
    let mut groups = Vec::with_capacity(8);
    if text.is_empty() {
        return Some(groups);
    }
    for part in text.split(':') {
        if groups.len() == 8 || part.is_empty() || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        // Any number of leading zeros is accepted.
        let digits = part.trim_start_matches('0');
        let group = if digits.is_empty() { 0 } else { u16::from_str_radix(digits, 16).ok()? };
        groups.push(group);
    }
    Some(groups)
}

impl AddressRange {
    /// Makes the range for a single address. If a plain string in a pattern is an address, the
    /// string matches every address in this range. The range of an IPv4 address also covers all
    /// IPv6 addresses that begin with the same digits.
    pub(crate) fn single(address: Address) -> Self {
        match address {
            Address::V4(only) => Self::of_v4(only, only),
            Address::V6(only) => Self::of_v6(only, only),
        }
    }

    /// Reads `address/bits`. Bits of the address after the mask are ignored.
    pub(crate) fn cidr(text: &str) -> Result<Self, Fault> {
        let (address, bits) = text.trim_end_matches('/').split_once('/').ok_or(Fault::Form)?;
        if bits.contains('/') {
            return Err(Fault::Form);
        }
        let digits = bits.strip_prefix('+').unwrap_or(bits);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Form);
        }
        let bits: u32 = digits.parse().map_err(|_| Fault::Form)?;
        match Address::parse(address).ok_or(Fault::Address)? {
            Address::V4(_) if bits > 31 => Err(Fault::Mask(31)),
            Address::V6(_) if bits > 127 => Err(Fault::Mask(127)),
            Address::V4(base) => {
                let host = u32::MAX.checked_shr(bits).unwrap_or(0);
                Ok(Self::of_v4(base & !host, base | host))
            }
            Address::V6(base) => {
                let host = u128::MAX.checked_shr(bits).unwrap_or(0);
                Ok(Self::of_v6(base & !host, base | host))
            }
        }
    }

    fn of_v4(low: u32, high: u32) -> Self {
        let widen = |address: u32| u128::from(address) << 96;
        Self { v4: Some((low, high)), v6: (widen(low), widen(high) | (u128::MAX >> 32)) }
    }

    fn of_v6(low: u128, high: u128) -> Self {
        // The eight hexadecimal digits of an IPv4 address are inside the range if they are greater
        // than the first eight digits of `low`, and less than the first eight digits of `high`.
        // If its digits equal those of an end, only further digits could decide, and an IPv4
        // address has none.
        let (first, last) = ((low >> 96) as u32, (high >> 96) as u32);
        let inside = first.checked_add(1).zip(last.checked_sub(1));
        Self { v4: inside.filter(|(first, last)| first <= last), v6: (low, high) }
    }

    /// Whether the range contains `address`.
    pub(crate) fn contains(&self, address: Address) -> bool {
        match address {
            Address::V4(address) => {
                self.v4.is_some_and(|(low, high)| (low..=high).contains(&address))
            }
            Address::V6(address) => (self.v6.0..=self.v6.1).contains(&address),
        }
    }
}

/// Returns an address from every class, each in several spellings, because a pattern can also
/// compare an address as text. Two addresses belong to one class if the same `ranges` contain both.
pub(crate) fn spellings(ranges: &[AddressRange]) -> Vec<String> {
    if ranges.is_empty() {
        return Vec::new();
    }
    // From one address to the next, the ranges that contain the address change only where a range
    // begins, and right after a range ends. So the addresses at these places represent all classes.
    let mut short = vec![0u32];
    // `1 << 48` is the first address after the IPv4-mapped addresses, which are treated as IPv4.
    let mut long = vec![0u128, 1 << 48];
    for range in ranges {
        short.extend(range.v4.map(|(low, _)| low));
        short.extend(range.v4.and_then(|(_, high)| high.checked_add(1)));
        long.push(range.v6.0);
        long.extend(range.v6.1.checked_add(1));
    }
    let short = short.into_iter().flat_map(|address| {
        let [a, b, c, d] = address.to_be_bytes();
        let (high, low) = (address >> 16, address & 0xFFFF);
        let zeros =
            (0..4).map(move |zeros| format!("::ffff:{}{high:x}:{low:x}", "0".repeat(zeros)));
        std::iter::once(format!("{a}.{b}.{c}.{d}")).chain(zeros)
    });
    let long = long.into_iter().flat_map(|address| {
        (1..5).map(move |width| {
            let group = |index: u32| format!("{:0width$x}", (address >> (112 - 16 * index)) as u16);
            (0..8).map(group).collect::<Vec<_>>().join(":")
        })
    });
    short.chain(long).collect()
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressRange, Fault};

    fn inside(cidr: &str, address: &str) -> bool {
        let address = Address::parse(address).expect("an address");
        AddressRange::cidr(cidr).expect("a block").contains(address)
    }

    #[test]
    fn addresses_are_read_as_leniently_as_the_engine_does() {
        assert_eq!(Address::parse("010.0.0.1"), Some(Address::V4(0x0A00_0001)));
        assert_eq!(Address::parse("::ffff:a00:1"), Some(Address::V4(0x0A00_0001)));
        assert_eq!(Address::parse("00001::2"), Some(Address::V6((1 << 112) | 2)));
        assert_eq!(Address::parse("::"), Some(Address::V6(0)));
        assert!(Address::parse("1:2:3:4:5:6:7::").is_some());
        for wrong in [
            "",
            "10.0.0",
            "10.0.0.256",
            "0000000001.2.3.4",
            "1:2:3:4:5:6:7:8::",
            ":::",
            "1::2::3",
            "12345::",
            ":1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:",
            "::1.2.3.4",
            "fe80::1%eth0",
            "abc",
            "10.0.0.1 ",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_block_covers_its_addresses_whatever_its_host_bits() {
        assert!(inside("10.0.0.0/24", "10.0.0.255") && !inside("10.0.0.0/24", "10.0.1.0"));
        assert!(inside("10.0.0.77/24", "10.0.0.1") && inside("0.0.0.0/0", "255.255.255.255"));
        assert!(inside("2001:db8::/32", "2001:0db8::1") && !inside("2001:db8::/32", "2001:db9::"));
    }

    #[test]
    fn a_block_of_one_family_covers_the_other_where_the_first_digits_decide() {
        assert!(inside("0.0.0.0/1", "2001:db8::1") && !inside("0.0.0.0/1", "ff00::"));
        assert!(inside("10.0.0.0/31", "a00:1::7") && !inside("10.0.0.0/31", "a00:2::"));
        assert!(inside("2000::/3", "48.0.0.0") && !inside("2000::/3", "64.0.0.0"));
        // In hexadecimal, this IPv4 address is 20010db8, which equals the first eight digits of the
        // block's lower end. Only further digits could decide, and an IPv4 address has none.
        assert!(!inside("2001:db8::/32", "32.1.13.184"));
    }

    #[test]
    fn malformed_blocks_are_faults() {
        for wrong in ["foo", "10.0.0.0", "10.0.0.0/", "10.0.0.0/a", "10.0.0.0/-1", "1/2/3"] {
            assert_eq!(AddressRange::cidr(wrong), Err(Fault::Form), "{wrong}");
        }
        assert_eq!(AddressRange::cidr("foo/8"), Err(Fault::Address));
        assert_eq!(AddressRange::cidr("10.0.0.0/32"), Err(Fault::Mask(31)));
        assert_eq!(AddressRange::cidr("::/128"), Err(Fault::Mask(127)));
    }
}
