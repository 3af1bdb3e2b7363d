//! Reads certificates and private keys in PEM, and recognizes what is given instead. Pure.

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::model::Secret;

/// What a file is expected to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Authorities,
    Chain,
    Key,
}

/// Returns the certificates in a file, in its order; at least one.
pub(super) fn certificates(
    bytes: &[u8],
    content: Content,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(foreign(bytes, content, path)),
        Err(cause) => Err(format!("{} {}", path.display(), damage(&cause))),
    }
}

/// Says what is wrong with a file in PEM. The error itself has parts of the file, which may be secret.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "is damaged: \"-----END \" isn't found at the beginning of a line, as if it was cut or its lines were joined"
        }
        pem::Error::IllegalSectionStart { .. } => {
            "is damaged: a line with \"-----BEGIN \" doesn't end with \"-----\", as if it was joined with the next one"
        }
        pem::Error::Base64Decode(_) => "is damaged: a section isn't base64",
        _ => "is damaged",
    }
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// Returns the first private key in a file, decrypted with `password` if need be.
pub(super) fn key(
    bytes: &[u8],
    password: Option<&Secret>,
    path: &Path,
) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    if let Some(text) = section(bytes, ENCRYPTED) {
        let password = password.ok_or_else(|| {
            format!("{shown} is encrypted: key_password_file is needed with its password")
        })?;
        return decrypted(&text, password).map_err(|why| format!("{shown} {why}"));
    }
    if has(bytes, b"Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "{shown} is encrypted in OpenSSL's former format: convert it with `openssl pkcs8 -topk8 -v2 aes256 -in {shown} -out key.pem`"
        ));
    }
    match PrivateKeyDer::pem_slice_iter(bytes).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(cause)) => Err(format!("{shown} {}", damage(&cause))),
        None => Err(foreign(bytes, Content::Key, path)),
    }
}

/// The first section with this label, as text.
fn section(bytes: &[u8], label: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let begin = text.find(&format!("-----BEGIN {label}-----"))?;
    let end = format!("-----END {label}-----");
    let length = text[begin..].find(&end)? + end.len();
    Some(text[begin..begin + length].to_owned())
}

/// Decrypts a key in PKCS#8.
fn decrypted(section: &str, password: &Secret) -> Result<PrivateKeyDer<'static>, String> {
    // Only the label of this format is unknown to the reader.
    let plain = section.replace(ENCRYPTED, "PRIVATE KEY");
    let encrypted =
        PrivatePkcs8KeyDer::from_pem_slice(plain.as_bytes()).map_err(|cause| damage(&cause))?;
    let info = EncryptedPrivateKeyInfoRef::try_from(encrypted.secret_pkcs8_der()).map_err(|_| {
        "is encrypted in an outdated way: encrypt it anew with `openssl pkcs8 -topk8 -v2 aes256`"
            .to_owned()
    })?;
    let key = info
        .decrypt(password.reveal())
        .map_err(|_| "can't be decrypted with the password in key_password_file".to_owned())?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The format of a file that isn't PEM, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JavaKeyStore,
    Pkcs12,
    Der,
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFE, 0xED, 0xFE, 0xED, ..] | [0xCE, 0xCE, 0xCE, 0xCE, ..] => Some(Self::JavaKeyStore),
            [0x30, rest @ ..] if is_pkcs12(rest) => Some(Self::Pkcs12),
            [0x30, 0x80..=0x84, ..] => Some(Self::Der),
            _ => None,
        }
    }
}

/// Whether a sequence begins, behind its length, with the version of PKCS#12.
fn is_pkcs12(after_tag: &[u8]) -> bool {
    let [length, rest @ ..] = after_tag else {
        return false;
    };
    let more = usize::from(length.saturating_sub(0x80)).min(rest.len());
    rest[more..].starts_with(&[0x02, 0x01, 0x03])
}

/// Says what a file holds instead of the expected content, and how to convert it.
fn foreign(bytes: &[u8], content: Content, path: &Path) -> String {
    let shown = path.display();
    match Format::of(bytes) {
        Some(Format::JavaKeyStore) => {
            format!(
                "{shown} is a Java key store (JKS), not PEM: convert it with {}",
                from_jks(content, path)
            )
        }
        Some(Format::Pkcs12) => {
            format!(
                "{shown} is a PKCS#12 file, not PEM: convert it with {}",
                from_pkcs12(content, path)
            )
        }
        Some(Format::Der) => {
            format!(
                "{shown} is DER, not PEM: convert it with {}",
                from_der(content, path)
            )
        }
        None => {
            let wanted = match content {
                Content::Authorities | Content::Chain => "certificate",
                Content::Key => "private key",
            };
            let labels = labels(bytes);
            if labels.is_empty() {
                format!("{shown} has no {wanted} in PEM, which begins with \"-----BEGIN \"")
            } else {
                format!("{shown} has no {wanted}, only: {}", labels.join(", "))
            }
        }
    }
}

fn from_jks(content: Content, path: &Path) -> String {
    let shown = path.display();
    match content {
        Content::Authorities => format!("`keytool -list -rfc -keystore {shown} > ca.pem`"),
        Content::Chain | Content::Key => {
            let command = from_pkcs12(content, Path::new("store.p12"));
            format!(
                "`keytool -importkeystore -srckeystore {shown} -destkeystore store.p12 -deststoretype PKCS12`, then {command}"
            )
        }
    }
}

fn from_pkcs12(content: Content, path: &Path) -> String {
    let shown = path.display();
    match content {
        Content::Authorities => format!("`openssl pkcs12 -in {shown} -nokeys -out ca.pem`"),
        Content::Chain => format!("`openssl pkcs12 -in {shown} -nokeys -out cert.pem`"),
        Content::Key => format!(
            "`openssl pkcs12 -in {shown} -nocerts -out key.pem` and put the password chosen there into key_password_file"
        ),
    }
}

fn from_der(content: Content, path: &Path) -> String {
    let shown = path.display();
    match content {
        Content::Authorities => format!("`openssl x509 -inform der -in {shown} -out ca.pem`"),
        Content::Chain => format!("`openssl x509 -inform der -in {shown} -out cert.pem`"),
        Content::Key => format!("`openssl pkey -inform der -in {shown} -out key.pem`"),
    }
}

/// The labels of the first sections in a file.
fn labels(bytes: &[u8]) -> Vec<String> {
    const SHOWN: usize = 5;
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines();
    let labels = lines.filter_map(|line| {
        let label = line.trim().strip_prefix("-----BEGIN ")?;
        let label = label.strip_suffix("-----")?;
        // Nothing that may be a part of a key.
        let is_labelled = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
        let is_label = label.len() < 40 && label.chars().all(is_labelled);
        is_label.then(|| label.to_owned())
    });
    labels.take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
