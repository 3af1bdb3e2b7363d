//! Makes what TLS needs from the files of the configuration: the authorities to trust, and the client's certificate.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error, InconsistentKeys, RootCertStore};

use crate::model::Secret;

use super::pem::{self, Content};
use super::validity::ends_at;

/// How to encrypt the connections to a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The file with the authorities to trust; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, if it has one.
    pub identity: Option<TlsIdentity>,
    /// The name that every broker's certificate has to be for; `None`: the host that the broker advertises.
    pub server_name: Option<String>,
}

/// The files with the client's certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate, and those that lead from it to an authority.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    /// The file with the password of an encrypted key.
    pub key_password_file: Option<PathBuf>,
}

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    Authorities,
    Certificate,
    Key,
    KeyPassword,
}

/// Why a file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TlsFileError {
    pub file: TlsFile,
    message: String,
}

impl TlsFileError {
    fn new(file: TlsFile, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { file, message }
    }
}

impl TlsSettings {
    /// Returns everything that is wrong with the files.
    pub fn problems(&self) -> Vec<TlsFileError> {
        match Contents::read(self) {
            Ok(contents) => Credentials::new(self, &contents).err().unwrap_or_default(),
            Err(errors) => errors,
        }
    }

    /// Returns a client's configuration of the files as they are now. May block. Errors: everything that is wrong.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, String> {
        let contents = Contents::read(self);
        let credentials = contents.and_then(|contents| Credentials::new(self, &contents));
        let config = credentials.map(|credentials| credentials.config);
        config.map_err(|errors| joined(&errors))
    }

    /// The name that a broker's certificate has to be for. Errors: it is neither a host name nor an address.
    pub(super) fn name_of(&self, host: &str) -> Result<ServerName<'static>, String> {
        let name = self.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.to_owned())
            .map_err(|_| format!("{name:?} is neither a host name nor an address"))
    }
}

/// What is wrong with several files, in one line.
pub(super) fn joined(errors: &[TlsFileError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// The contents of the files.
pub(super) struct Contents {
    authorities: Authorities,
    identity: Option<Identity>,
}

enum Authorities {
    File(Vec<u8>),
    System(Vec<CertificateDer<'static>>),
}

struct Identity {
    chain: Vec<u8>,
    key: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// The size limit of a file, in bytes; a system's whole trust store has a tenth of it.
const FILE_MAX: u64 = 4 << 20;

impl Contents {
    /// Reads all files. Errors: those of each.
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, Vec<TlsFileError>> {
        let mut errors = Vec::new();
        let mut read = |file, path: &Path| {
            let told = bounded(path, FILE_MAX);
            let told = told.map_err(|cause| format!("{} can't be read: {cause}", path.display()));
            told.map_err(|message| errors.push(TlsFileError::new(file, message)))
                .ok()
        };
        let authorities = match &settings.ca_file {
            Some(path) => read(TlsFile::Authorities, path).map(Authorities::File),
            None => Some(Authorities::System(
                rustls_native_certs::load_native_certs().certs,
            )),
        };
        let identity = settings.identity.as_ref().map(|files| {
            let chain = read(TlsFile::Certificate, &files.cert_file);
            let key = read(TlsFile::Key, &files.key_file);
            let password = files.key_password_file.as_ref();
            let password = password.map(|path| read(TlsFile::KeyPassword, path));
            Some(Identity {
                chain: chain?,
                key: key?,
                password: match password {
                    Some(read) => Some(read?),
                    None => None,
                },
            })
        });
        match (authorities, identity) {
            (Some(authorities), None) => Ok(Self {
                authorities,
                identity: None,
            }),
            (Some(authorities), Some(Some(identity))) => Ok(Self {
                authorities,
                identity: Some(identity),
            }),
            _ => Err(errors),
        }
    }

    /// A digest that differs if any of the contents does.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        };
        match &self.authorities {
            Authorities::File(bytes) => add(bytes),
            Authorities::System(certificates) => certificates.iter().for_each(|it| add(it)),
        }
        if let Some(Identity {
            chain,
            key,
            password,
        }) = &self.identity
        {
            add(chain);
            add(key);
            add(password.as_deref().unwrap_or_default());
        }
        digest.finalize().into()
    }
}

/// Reads a file of at most `limit` bytes. A device could have no end, and reading it may have effects.
fn bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        return Err(io::Error::other("it isn't a file"));
    }
    let mut bytes = Vec::new();
    let length = File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if length as u64 > limit {
        let message = format!("it has more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Trust and identity, ready to be used.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) config: Arc<ClientConfig>,
    /// When the client's certificate ends, in seconds since 1970.
    pub(super) ends_at: Option<i64>,
}

impl Credentials {
    /// Makes them from the contents of the files. Errors: everything that is wrong.
    pub(super) fn new(
        settings: &TlsSettings,
        contents: &Contents,
    ) -> Result<Self, Vec<TlsFileError>> {
        let provider = Arc::new(ring::default_provider());
        let roots = roots(settings, &contents.authorities)
            .map_err(|message| TlsFileError::new(TlsFile::Authorities, message));
        let identity = match (&settings.identity, &contents.identity) {
            (Some(files), Some(contents)) => identity(files, contents, &provider).map(Some),
            _ => Ok(None),
        };
        let (roots, identity) = match (roots, identity) {
            (Ok(roots), Ok(identity)) => (roots, identity),
            (roots, identity) => {
                let of_identity = identity.err().unwrap_or_default();
                return Err(roots.err().into_iter().chain(of_identity).collect());
            }
        };
        let ends_at = identity
            .as_ref()
            .and_then(|(chain, _)| ends_at(chain.first()?));
        let config = client_config(provider, roots, identity)
            .map_err(|cause| vec![TlsFileError::new(TlsFile::Certificate, cause.to_string())])?;
        Ok(Self {
            config: Arc::new(config),
            ends_at,
        })
    }
}

type Chain = Vec<CertificateDer<'static>>;

/// TLS 1.2 and 1.3. Every connection makes the whole handshake: a resumed one would show and check the certificate of an
/// earlier one.
fn client_config(
    provider: Arc<CryptoProvider>,
    roots: RootCertStore,
    identity: Option<(Chain, PrivateKeyDer<'static>)>,
) -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
        None => config.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn roots(settings: &TlsSettings, authorities: &Authorities) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match (authorities, &settings.ca_file) {
        (Authorities::File(bytes), Some(path)) => {
            let found = pem::certificates(bytes, Content::Authorities, path)?;
            for (number, certificate) in (1..).zip(found) {
                roots.add(certificate).map_err(|cause| {
                    format!(
                        "certificate {number} in {} can't be used: {cause}",
                        path.display()
                    )
                })?;
            }
        }
        (Authorities::File(_), None) => {}
        (Authorities::System(certificates), _) => {
            roots.add_parsable_certificates(certificates.iter().cloned());
            if roots.is_empty() {
                return Err("this system has no store of trusted authorities: set ca_file, or install the package ca-certificates".to_owned());
            }
        }
    }
    Ok(roots)
}

fn identity(
    files: &TlsIdentity,
    contents: &Identity,
    provider: &CryptoProvider,
) -> Result<(Chain, PrivateKeyDer<'static>), Vec<TlsFileError>> {
    let of_chain = |message: String| TlsFileError::new(TlsFile::Certificate, message);
    let of_key = |message: String| TlsFileError::new(TlsFile::Key, message);
    let chain = pem::certificates(&contents.chain, Content::Chain, &files.cert_file);
    let password = match (&contents.password, &files.key_password_file) {
        (Some(bytes), Some(path)) => secret(bytes, path).map(Some),
        _ => Ok(None),
    };
    let key = password
        .map_err(|message| TlsFileError::new(TlsFile::KeyPassword, message))
        .and_then(|password| {
            pem::key(&contents.key, password.as_ref(), &files.key_file).map_err(of_key)
        });
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => {
            let of_chain = chain.err().map(of_chain);
            return Err(of_chain.into_iter().chain(key.err()).collect());
        }
    };
    let (cert_file, key_file) = (files.cert_file.display(), files.key_file.display());
    match CertifiedKey::from_der(chain.clone(), key.clone_key(), provider) {
        Ok(_) => Ok((chain, key)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(vec![of_key(format!(
            "{key_file} isn't the key of the certificate in {cert_file}; that has to be the first one there"
        ))]),
        Err(Error::InvalidCertificate(cause)) => Err(vec![of_chain(format!(
            "the certificate in {cert_file} can't be used: {cause}"
        ))]),
        Err(cause) => Err(vec![of_key(format!(
            "the key in {key_file} can't be used ({cause}): it has to be RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519"
        ))]),
    }
}

/// The password in a file, without the line break behind it.
fn secret(bytes: &[u8], path: &Path) -> Result<Secret, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{} isn't text", path.display()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("{} is empty", path.display())),
        text => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
mod tests;
