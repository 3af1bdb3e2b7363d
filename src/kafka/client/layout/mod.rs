//! Checks responses before they are decoded: counts and lengths are compared with the bytes that there are.
//!
//! Promises: a response that passes is decoded without an allocation larger than [`FACTOR`] times its size plus
//! [`ALLOWANCE`]; anything else is an error that names the field.
//! Doesn't: allocate, or look at what fields contain.
//!
//! The decoder allocates room for as many elements as an array's count says, before it reads the first one. So a
//! response is walked along the layout of its API first, in its version.

mod shape;
#[rustfmt::skip]
mod table;

use std::fmt;

use kafka_protocol::messages::ApiKey;

use super::request::our_versions;

use shape::{Field, Shape};
use table::LAYOUTS;

/// How many bytes of memory a byte of a response may take when it is decoded. Responses of brokers take at most 8.
pub(crate) const FACTOR: usize = 16;
/// The memory that a response may take beyond that, in bytes: names of one letter take more than [`FACTOR`].
pub(crate) const ALLOWANCE: usize = 1 << 20;

/// The smallest allocation, in bytes.
const ALLOCATION: usize = 16;
/// The memory of the first unknown tagged field of a structure, and of each further one, in bytes.
const TAG_MEMORY: (usize, usize) = (512, 64);

/// Why a response can't be what its layout says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    field: &'static str,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// It ends too early.
    CutOff {
        left: usize,
    },
    /// A count or a length is larger than the bytes allow.
    Count {
        count: u64,
        left: usize,
    },
    Negative(i64),
    /// A varint has more than 32 bits.
    Varint,
    /// A tagged field has another size than it says.
    Tag {
        size: usize,
        read: usize,
    },
    /// Decoding it would take more memory than a broker's response needs.
    Memory {
        bytes: usize,
        length: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match &self.what {
            What::CutOff { left } => write!(f, "{field} is cut off: {left} bytes are left"),
            What::Count { count, left } => {
                write!(
                    f,
                    "the count of {field} is {count}, but {left} bytes are left"
                )
            }
            What::Negative(count) => write!(f, "the count of {field} is {count}"),
            What::Varint => write!(f, "the count of {field} has more than 32 bits"),
            What::Tag { size, read } => {
                write!(
                    f,
                    "the tagged field {field} has {read} bytes instead of {size}"
                )
            }
            What::Memory { bytes, length } => {
                write!(
                    f,
                    "its {length} bytes would take {bytes} bytes of memory, at {field}"
                )
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// The name of the field that stands for the tagged fields of a structure.
const TAGS: &str = "tagged fields";

/// Checks the tagged fields of a response header, at the beginning of `bytes`.
pub(crate) fn check_header_tags(bytes: &[u8]) -> Result<(), Malformed> {
    let mut walk = Walk::new(bytes, 0, true);
    walk.tags(&[])
}

/// Whether the body of a response may be decoded; `None` for an API that isn't used, or in another version.
pub fn check_response(key: ApiKey, version: i16, body: &[u8]) -> Option<bool> {
    let spoken = our_versions(key)?;
    let is_spoken = (spoken.min..=spoken.max).contains(&version);
    is_spoken.then(|| check(key, version, body).is_ok())
}

/// Checks the body of a response. An API without a layout is none that is sent; it passes.
pub(crate) fn check(key: ApiKey, version: i16, body: &[u8]) -> Result<(), Malformed> {
    match LAYOUTS.iter().find(|layout| layout.key == key) {
        Some(layout) => {
            let mut walk = Walk::new(body, version, version >= layout.flexible);
            walk.structure(layout.fields)
        }
        None => Ok(()),
    }
}

/// A walk through a response.
struct Walk<'a> {
    left: &'a [u8],
    length: usize,
    version: i16,
    flexible: bool,
    /// An upper bound of what the decoder allocates, in bytes.
    memory: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], version: i16, flexible: bool) -> Self {
        Self {
            left: bytes,
            length: bytes.len(),
            version,
            flexible,
            memory: 0,
        }
    }

    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in fields {
            if field.tag.is_none() && field.is_in(self.version) {
                self.value(field.name, &field.shape)?;
            }
        }
        if self.flexible {
            self.tags(fields)
        } else {
            Ok(())
        }
    }

    fn value(&mut self, name: &'static str, shape: &'static Shape) -> Result<(), Malformed> {
        match shape {
            Shape::Fixed(size) => self.skip(name, *size),
            Shape::Text | Shape::Bytes => {
                let wide = matches!(shape, Shape::Bytes);
                let length = self.count(name, wide)?.unwrap_or(0);
                self.check_count(name, length, 1)?;
                self.skip(name, length)
            }
            Shape::Struct(fields) => self.structure(fields),
            Shape::Array(element) => match self.count(name, true)? {
                Some(count @ 1..) => self.elements(name, element, count),
                Some(0) | None => Ok(()),
            },
        }
    }

    fn elements(
        &mut self,
        name: &'static str,
        element: &'static Shape,
        count: usize,
    ) -> Result<(), Malformed> {
        self.check_count(name, count, element.least(self.version, self.flexible))?;
        let memory = element.memory().saturating_mul(count);
        self.allocates(name, memory.saturating_add(ALLOCATION))?;
        if let Shape::Fixed(size) = element {
            return self.skip(name, count.saturating_mul(*size));
        }
        for _ in 0..count {
            self.value(name, element)?;
        }
        Ok(())
    }

    /// Checks the tagged fields at the end of a structure: those in `fields`, and any others.
    fn tags(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        let count = self.varint(TAGS)?;
        // Each has a tag and a size.
        self.check_count(TAGS, count, 2)?;
        let mut unknown = 0;
        for _ in 0..count {
            let tag = u32::try_from(self.varint(TAGS)?).ok();
            let size = self.varint(TAGS)?;
            self.check_count(TAGS, size, 1)?;
            let mut known = fields.iter().filter(|it| it.is_in(self.version));
            if let Some(field) = known.find(|it| it.tag.is_some() && it.tag == tag) {
                let before = self.left.len();
                self.value(field.name, &field.shape)?;
                let read = before - self.left.len();
                if read != size {
                    return Err(malformed(field.name, What::Tag { size, read }));
                }
            } else {
                let (first, further) = TAG_MEMORY;
                self.allocates(TAGS, if unknown == 0 { first } else { further })?;
                self.skip(TAGS, size)?;
                unknown += 1;
            }
        }
        Ok(())
    }

    /// Reads the count of an array or the length of a string; `None` for null.
    fn count(&mut self, name: &'static str, wide: bool) -> Result<Option<usize>, Malformed> {
        if self.flexible {
            return Ok(self.varint(name)?.checked_sub(1));
        }
        let count = if wide {
            i64::from(i32::from_be_bytes(self.take(name)?))
        } else {
            i64::from(i16::from_be_bytes(self.take(name)?))
        };
        match usize::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) if count == -1 => Ok(None),
            Err(_) => Err(malformed(name, What::Negative(count))),
        }
    }

    fn varint(&mut self, name: &'static str) -> Result<usize, Malformed> {
        let mut value = 0_u64;
        for place in 0..5 {
            let [byte] = self.take(name)?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                let value = u32::try_from(value).ok();
                let value = value.and_then(|value| usize::try_from(value).ok());
                return value.ok_or(malformed(name, What::Varint));
            }
        }
        Err(malformed(name, What::Varint))
    }

    fn take<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, left) = self.left.split_first_chunk().ok_or(self.cut_off(name))?;
        self.left = left;
        Ok(*taken)
    }

    fn skip(&mut self, name: &'static str, bytes: usize) -> Result<(), Malformed> {
        self.left = self.left.get(bytes..).ok_or(self.cut_off(name))?;
        Ok(())
    }

    fn cut_off(&self, name: &'static str) -> Malformed {
        let left = self.left.len();
        malformed(name, What::CutOff { left })
    }

    fn check_count(&self, name: &'static str, count: usize, least: usize) -> Result<(), Malformed> {
        let left = self.left.len();
        if count <= left / least.max(1) {
            return Ok(());
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        Err(malformed(name, What::Count { count, left }))
    }

    fn allocates(&mut self, name: &'static str, bytes: usize) -> Result<(), Malformed> {
        self.memory = self.memory.saturating_add(bytes);
        let (bytes, length) = (self.memory, self.length);
        if bytes <= length.saturating_mul(FACTOR).saturating_add(ALLOWANCE) {
            return Ok(());
        }
        Err(malformed(name, What::Memory { bytes, length }))
    }
}

fn malformed(field: &'static str, what: What) -> Malformed {
    Malformed { field, what }
}

#[cfg(test)]
mod tests;
