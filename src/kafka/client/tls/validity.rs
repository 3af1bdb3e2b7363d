//! The end of a certificate's validity. Pure.

use pkcs8::der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use pkcs8::der::{Decode, Reader, Result, SliceReader, Tag, Tagged};

/// When a certificate in DER ends, in seconds since 1970; `None` if it can't be read.
pub(super) fn ends_at(certificate: &[u8]) -> Option<i64> {
    not_after(certificate).ok()
}

fn not_after(certificate: &[u8]) -> Result<i64> {
    let certificate = AnyRef::from_der(certificate)?;
    let signed: AnyRef<'_> = SliceReader::new(certificate.value())?.decode()?;
    let mut fields = SliceReader::new(signed.value())?;
    if Tag::peek(&fields)?.is_context_specific() {
        // The version, which is optional.
        fields.tlv_bytes()?;
    }
    let before_validity = ["serial number", "signature algorithm", "issuer"];
    for _ in before_validity {
        fields.tlv_bytes()?;
    }
    let validity: AnyRef<'_> = fields.decode()?;
    let mut times = SliceReader::new(validity.value())?;
    let _begin = times.tlv_bytes()?;
    let end: AnyRef<'_> = times.decode()?;
    let since_1970 = match end.tag() {
        Tag::UtcTime => end.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => end.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
