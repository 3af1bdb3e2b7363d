//! The envelope around each stored value: a version, and a checksum over key and value, because sled may silently accept a
//! damaged page.
//!
//! ```text
//!  version (1 byte)  CRC32C of key and value (4 bytes, big-endian)  value
//! ```

/// The version of the envelope's form, which is the same in every layout so far.
const VERSION: u8 = 1;

/// Why a stored value can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// Intact, but written by a program whose envelopes have another form.
    #[error("its envelope has version {0}, this farshore knows version {VERSION}")]
    Version(u8),
    /// Not what was written under this key.
    #[error("its checksum is wrong")]
    Checksum,
}

/// Puts a value into its envelope.
pub(crate) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(5 + value.len());
    sealed.push(VERSION);
    sealed.extend(checksum(key, value).to_be_bytes());
    sealed.extend(value);
    sealed
}

/// Takes the value out of its envelope.
pub(crate) fn open<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (&version, rest) = sealed.split_first().ok_or(Damage::Checksum)?;
    let (expected, value) = rest.split_first_chunk().ok_or(Damage::Checksum)?;
    if u32::from_be_bytes(*expected) != checksum(key, value) {
        return Err(Damage::Checksum);
    }
    match version {
        VERSION => Ok(value),
        other => Err(Damage::Version(other)),
    }
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
