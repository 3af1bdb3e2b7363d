//! What stands around each stored value: a version, and a checksum over key and value, because sled may accept a damaged page
//! silently.
//!
//! ```text
//!  version (1 byte)  CRC32C of key and value (4 bytes, big-endian)  value
//! ```

/// The layout of keys and values this program writes.
const VERSION: u8 = 1;

/// Why a stored value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// It was written by a program that knows another layout.
    #[error("it has layout version {0}, this farshore knows version {VERSION}")]
    Version(u8),
    /// It isn't what was written under this key.
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
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    let (expected, value) = rest.split_first_chunk().ok_or(Damage::Checksum)?;
    if u32::from_be_bytes(*expected) == checksum(key, value) {
        Ok(value)
    } else {
        Err(Damage::Checksum)
    }
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
