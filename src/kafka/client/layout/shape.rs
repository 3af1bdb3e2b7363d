//! How responses are laid out, and what their parts take on the wire and in memory.

use kafka_protocol::messages::ApiKey;

/// The memory of a string or a byte string that refers to the response, in bytes.
pub(super) const SLICE_MEMORY: usize = 32;
/// The memory of an array itself, in bytes.
const ARRAY_MEMORY: usize = 24;
/// The memory of the map for unknown tagged fields, and the padding of a structure, in bytes.
const STRUCT_MEMORY: usize = 24 + 8;

/// The layout of a response.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) key: ApiKey,
    /// The first version with compact lengths and tagged fields.
    pub(super) flexible: i16,
    pub(super) fields: &'static [Field],
}

/// A field, in the versions that have it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) first: i16,
    pub(super) last: i16,
    /// `None` for a field that is always present.
    pub(super) tag: Option<u32>,
    pub(super) shape: Shape,
}

/// How a value is laid out.
#[derive(Debug)]
pub(super) enum Shape {
    /// A number, a truth value or an id of this many bytes.
    Fixed(usize),
    Text,
    Bytes,
    Struct(&'static [Field]),
    Array(&'static Shape),
}

pub(super) const fn field(name: &'static str, first: i16, last: i16, shape: Shape) -> Field {
    Field {
        name,
        first,
        last,
        tag: None,
        shape,
    }
}

pub(super) const fn tagged(
    tag: u32,
    name: &'static str,
    first: i16,
    last: i16,
    shape: Shape,
) -> Field {
    Field {
        name,
        first,
        last,
        tag: Some(tag),
        shape,
    }
}

impl Field {
    pub(super) fn is_in(&self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}

impl Shape {
    /// The fewest bytes of a value on the wire.
    pub(super) fn least(&self, version: i16, flexible: bool) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Text | Self::Bytes | Self::Array(_) if flexible => 1,
            Self::Text => 2,
            Self::Bytes | Self::Array(_) => 4,
            Self::Struct(fields) => {
                let there = fields
                    .iter()
                    .filter(|it| it.tag.is_none() && it.is_in(version));
                let sum: usize = there.map(|it| it.shape.least(version, flexible)).sum();
                sum + usize::from(flexible)
            }
        }
    }

    /// The memory of a decoded value without what it refers to, in bytes. The decoder's structures have the fields of
    /// all versions.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Text | Self::Bytes => SLICE_MEMORY,
            Self::Array(_) => ARRAY_MEMORY,
            Self::Struct(fields) => {
                let sum: usize = fields.iter().map(|it| it.shape.memory()).sum();
                sum + STRUCT_MEMORY
            }
        }
    }
}
