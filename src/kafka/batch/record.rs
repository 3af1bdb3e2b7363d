//! A single record: the bytes of its content, and its decoded fields.

use bytes::{BufMut, Bytes};

use super::BatchError;
use super::varint::{Checked, Fields, put_length, put_varint};

/// A record inside a decoded batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    pub offset: i64,
    /// In milliseconds: the create time, or the append time if the batch says so.
    pub timestamp: i64,
    /// The bytes from the key's length to the end of the headers. Equal content implies equal key, value and headers;
    /// the reverse holds for all writers that don't pad their varints (none are known to).
    pub content: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// Returns key and value and passes each header to `on_header` in order, without copying.
    pub fn fields(
        &self,
        on_header: impl FnMut(&'a [u8], Option<&'a [u8]>),
    ) -> Result<KeyValue<'a>, BatchError> {
        read_content(self.content, on_header).map_err(|what| BatchError::Malformed {
            offset: self.offset,
            what,
        })
    }

    /// Decodes the content, copying it once.
    pub fn to_record(&self) -> Result<Record, BatchError> {
        let content = Bytes::copy_from_slice(self.content);
        let mut headers = Vec::new();
        let (key, value) = read_content(&content, |key, value| {
            headers.push((content.slice_ref(key), value.map(|v| content.slice_ref(v))));
        })
        .map_err(|what| BatchError::Malformed {
            offset: self.offset,
            what,
        })?;
        Ok(Record {
            offset: self.offset,
            timestamp: self.timestamp,
            key: key.map(|key| content.slice_ref(key)),
            value: value.map(|value| content.slice_ref(value)),
            headers,
        })
    }
}

/// A decoded record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    /// In milliseconds.
    pub timestamp: i64,
    /// `None` if null.
    pub key: Option<Bytes>,
    /// `None` if null.
    pub value: Option<Bytes>,
    /// The headers in order; keys may repeat and need not be valid UTF-8.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// Writes the content of a record in the format of [`RecordRef::content`].
pub(super) fn put_content<'a>(
    buffer: &mut impl BufMut,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) {
    put_nullable(buffer, key);
    put_nullable(buffer, value);
    put_length(buffer, headers.len());
    for (key, value) in headers {
        put_nullable(buffer, Some(key));
        put_nullable(buffer, value);
    }
}

fn put_nullable(buffer: &mut impl BufMut, field: Option<&[u8]>) {
    match field {
        Some(bytes) => {
            put_length(buffer, bytes.len());
            buffer.put_slice(bytes);
        }
        None => put_varint(buffer, -1),
    }
}

/// Key and value, or null.
pub type KeyValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Reads a content from its first byte to its last and passes each header to `on_header`. A header count larger than
/// the bytes allow fails at the first missing header.
pub(super) fn read_content<'a>(
    content: &'a [u8],
    mut on_header: impl FnMut(&'a [u8], Option<&'a [u8]>),
) -> Checked<KeyValue<'a>> {
    let mut fields = Fields(content);
    let key = fields.nullable()?;
    let value = fields.nullable()?;
    for _ in 0..fields.length()? {
        let key_length = fields.length()?;
        let header_key = fields.bytes(key_length)?;
        on_header(header_key, fields.nullable()?);
    }
    if !fields.0.is_empty() {
        return Err("bytes follow a record's headers");
    }
    Ok((key, value))
}
