//! Skips a value that is not needed, without recursion, and checks that the value is valid JSON.

use super::lex::{self, Reason};
use super::{Cursor, MAX_DEPTH};

/// One bit per open container: set for an object, clear for an array.
struct Nesting {
    bits: [u64; MAX_DEPTH.div_ceil(64)],
    depth: usize,
}

impl Nesting {
    #[inline(always)]
    fn push(&mut self, object: bool) -> Result<(), Reason> {
        let word = self.bits.get_mut(self.depth / 64).ok_or(Reason::Depth)?;
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.bits[top / 64] & (1 << (top % 64)) != 0
    }
}

impl Cursor<'_> {
    /// Consumes one value of any kind.
    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<(), Reason> {
        match self.peek() {
            Some(b'{' | b'[') => {
                self.pos = container(self.bytes(), self.pos)?;
                Ok(())
            }
            Some(first) => self.skip_scalar(first),
            None => Err(Reason::Value),
        }
    }
}

/// Returns the position after the object or array that begins at `pos`.
fn container(bytes: &[u8], mut pos: usize) -> Result<usize, Reason> {
    let mut nesting = Nesting { bits: [0; MAX_DEPTH.div_ceil(64)], depth: 0 };
    loop {
        pos = lex::space(bytes, pos);
        match bytes.get(pos) {
            Some(&first @ (b'{' | b'[')) => {
                let object = first == b'{';
                nesting.push(object)?;
                let inside = lex::space(bytes, pos + 1);
                let is_empty = bytes.get(inside) == Some(if object { &b'}' } else { &b']' });
                if !is_empty {
                    pos = if object { lex::key(bytes, inside)? } else { inside };
                    continue;
                }
                pos = inside;
            }
            Some(&first) => pos = lex::scalar(bytes, pos, first)?,
            None => return Err(Reason::Value),
        }
        pos = ends(bytes, pos, &mut nesting)?;
        if nesting.depth == 0 {
            return Ok(pos);
        }
    }
}

/// Skips the closing brackets after a value. If a container is still open, also skips the comma
/// and, in an object, the name of the next member.
#[inline(always)]
fn ends(bytes: &[u8], mut pos: usize, nesting: &mut Nesting) -> Result<usize, Reason> {
    while nesting.depth > 0 {
        pos = lex::space(bytes, pos);
        let object = nesting.in_object();
        match bytes.get(pos) {
            Some(b',') if object => return lex::key(bytes, pos + 1),
            Some(b',') => return Ok(pos + 1),
            Some(b'}') if object => {}
            Some(b']') if !object => {}
            _ => return Err(Reason::Comma),
        }
        pos += 1;
        nesting.depth -= 1;
    }
    Ok(pos)
}
