use pkcs8::der::asn1::OctetString;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, EncodePem};
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfoOwned, PrivateKeyInfoRef};

use crate::kafka::client::tls::testing::{Authority, VALID};

use super::*;

/// A key for these tests alone.
const RSA: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAnxk0RqR6aWkrESfRqOcu/xBeBE98hE/dI38VrApVTdj+d3uD
aK9FbNDw209eAcLkpUYlunh11TeTJLhnSv4O35e7WjikYxOXrvnyeW++5LRQlKWx
cFHvoDmWDdb7OA4JAUWgVFbWHWN+oTWiAZ0PITj1gkx0uUXcxtbqSnTI5PZPrIka
auJHB+0PEmkHkvcLHVYeQSQ31JpCsO4mmX/FdHE4jX+e/2Z15kehEOCnuVqE0pqB
R5Ylh1BRDLtAJFQDrICSQLEv/2Q+5eA4zimY546BBEhu1L+6IpaObWraZQC7IZhw
gHcYe8aT8wXspNPlYYUtdDquFXyQrNDj+TjSlQIDAQABAoIBABLmIpCVrzjgVk5W
ZZBjzfBcmF54trjc5870pLVoENQLh8bXtDd2Qo/3jfTvS6J37UM4vviUoKKwVFlT
UmnVHh0vYAEKo3Rlemo9pLEKNinixYOy3w4RnZ5x2MJSHEt/V1CAXdhG7G5XSE6M
GW+Joad3papRvLfZda1lEDXCA6825veGRdqvbIxyI84piHsQtUFDAd+90K9IdwJP
5Z95xmD0e5VonMmIgH9NOe7T0tcJnJb0Bnw7dFBj0g6fm+Y+5zrl5lDSi8rWiEol
dJgL69XyRiPiCaAuCyB0iyiZeGI541Qq75chsWehNdzrmj5+xAssvEI59C0SSY0Y
mSkSWe0CgYEA3slOCvVSpuY6fy8IUMOLpZNcqSREbeq8joJJ8aXQC+RVX3r3XmqC
qKr2Us+iCDNrOUfWFstk7mFNhATu+maQ3QRueYrcsdiMeH98MOZgYZjbA1lnnLTJ
A7Ol3tQ5croskOzBdq4Sj4Vl+j7X68R1Zte/CNC+4v8C7vJM4LYA4oMCgYEAttE8
Q77qYIF/hKo29qaaxYcScdUqOTjIOJzFr0RnJ7t8rEFimAwuviT/pcolzo0v7IW3
P39iSvuFTUMybM/a2DPShnPWP4+yzzkvGLmy7Ls/LZ+Pcx3WT+KrP4agOUc/ckC8
JpMMnn2bpLcwkB1mqiTcbI5/KsdXce+Vy179CwcCgYEArT82JWdpAsj+rHDSspue
OQBDinTdkex8/QVsozIie1zw1vM08oM5YBiyvOsiQeZad4zZe5hnwMiCEywS+z5P
YNBVaMcHoHWZpwrcdNpyEPNhPVWFMWOU/f/x+TpoAkOs7HZwa+4qGNnP166PEpUQ
Bw23TQ+nobZVfaOHDSf7wCkCgYAqAH55DhbpHzd98mF4X6S1dyf8sT3nMa2GnDYq
42tTzJaDOO5/AmWG2BdILt5qyzNUgxAr7YdWtNzWeHbQWxzriVR4AYsaxVgOlhPE
+X0rOIX2ZG9fwl4nsmsnyDVtk3n3NPpFXomKrE8jE9d7dNXOh3OBGWgMGwpzKdlf
hS5b5wKBgEMbOd4NaqHcnq9sICVT6Igdn4+e+XpVQDn9Jf48mcMiIN4u8xN9oLMi
fNaYx8DmISxJPWL5up4o3sgtOOs5zAdLNS+8vdRwZ3Qq7UXb7EzM7duKNy+ZFIEs
4gMivQbozxuDrAB9KTbTfccVAhdsdfSwW1xufD1IM1xrGqDU6ui3
-----END RSA PRIVATE KEY-----
";

fn read(bytes: impl AsRef<[u8]>, password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let password = password.map(Secret::new);
    key(bytes.as_ref(), password.as_ref(), Path::new("key.pem"))
}

fn der(pem: &str) -> Vec<u8> {
    read(pem, None).unwrap().secret_der().to_vec()
}

fn pem(label: &str, der: &[u8]) -> String {
    pkcs8::der::pem::encode_string(label, LineEnding::LF, der).unwrap()
}

fn encrypted(key: &[u8], password: &str) -> String {
    let scheme =
        pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(1_000, b"salt and pepper", [7; 16])
            .unwrap();
    let encrypted_data = scheme.encrypt(password, key).unwrap();
    let info = EncryptedPrivateKeyInfoOwned {
        encryption_algorithm: EncryptionScheme::from(scheme),
        encrypted_data: OctetString::new(encrypted_data).unwrap(),
    };
    info.to_pem(LineEnding::LF).unwrap()
}

#[test]
fn keys_of_every_usual_kind_are_read() {
    let issued = Authority::new("authority").issue(&["a"], VALID);
    let pkcs8 = der(&issued.key);
    assert!(matches!(
        read(&issued.key, None),
        Ok(PrivateKeyDer::Pkcs8(_))
    ));
    let sec1 = PrivateKeyInfoRef::from_der(&pkcs8).unwrap().private_key;
    let sec1 = pem("EC PRIVATE KEY", sec1.as_bytes());
    // As openssl writes it.
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let with_parameters = format!("{parameters}{sec1}");
    assert!(matches!(
        read(with_parameters, None),
        Ok(PrivateKeyDer::Sec1(_))
    ));
    assert!(matches!(read(RSA, None), Ok(PrivateKeyDer::Pkcs1(_))));
    let all = format!(
        "Bag Attributes\n    friendlyName: a\n{}{}",
        issued.chain, issued.key
    );
    assert_eq!(der(&all), pkcs8);
    let windows = issued.key.replace('\n', "\r\n");
    assert_eq!(der(&windows), pkcs8);
}

#[test]
fn encrypted_keys_need_their_password() {
    let issued = Authority::new("authority").issue(&["a"], VALID);
    let plain = der(&issued.key);
    let encrypted = format!(
        "Bag Attributes\n{}{}",
        encrypted(&plain, "s3cret"),
        issued.chain
    );
    let found = read(&encrypted, Some("s3cret")).unwrap();
    assert_eq!(found.secret_der(), plain);
    let refused = |text: &str, password| read(text, password).unwrap_err();
    assert_eq!(
        refused(&encrypted, None),
        "key.pem is encrypted: key_password_file is needed with its password"
    );
    assert_eq!(
        refused(&encrypted, Some("wrong")),
        "key.pem can't be decrypted with the password in key_password_file"
    );
    let former = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert!(refused(former, Some("s3cret")).contains("convert it with `openssl pkcs8 -topk8"));
    let outdated = pem("ENCRYPTED PRIVATE KEY", &[0x30, 3, 2, 1, 0]);
    assert!(refused(&outdated, Some("s3cret")).contains("encrypted in an outdated way"));
}

#[test]
fn a_file_may_hold_several_certificates() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let both = format!("# ours\n{}\nsubject=other\n{}", one.pem, other.pem);
    let path = Path::new("ca.pem");
    let found = certificates(both.as_bytes(), Content::Authorities, path).unwrap();
    assert_eq!(found.len(), 2);
    let cut = both.replacen("-----END", "----END", 2);
    let error = certificates(cut.as_bytes(), Content::Authorities, path).unwrap_err();
    assert!(error.starts_with("ca.pem is damaged: "), "{error}");
}

/// The library's own messages show the line that it can't read.
#[test]
fn damaged_keys_do_not_appear_in_messages() {
    let issued = Authority::new("authority").issue(&["a"], VALID);
    let encrypted = encrypted(&der(&issued.key), "s3cret");
    let begin = "-----BEGIN PRIVATE KEY-----";
    let told = |text: String| read(text, Some("s3cret")).unwrap_err();
    for (text, expected) in [
        (issued.key.replace('\n', " "), "\"-----END \" isn't found"),
        (encrypted.replace('\n', " "), "\"-----END \" isn't found"),
        (
            issued.key.replacen(&format!("{begin}\n"), begin, 1),
            "a line with \"-----BEGIN \" doesn't end",
        ),
        (
            issued.key.replacen("\nM", "\n*", 1),
            "a section isn't base64",
        ),
        (
            format!("{begin}s3cret-----\nAAAA\n-----END PRIVATE KEY-----s3cret-----\n"),
            "key.pem has no private key in PEM",
        ),
    ] {
        let told = told(text);
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(told.len() < 150, "{told}");
    }
}

#[test]
fn other_formats_come_with_the_command_that_converts_them() {
    let path = Path::new("store");
    let told = |bytes: &[u8], content| match content {
        Content::Key => key(bytes, None, path).unwrap_err(),
        Content::Authorities | Content::Chain => certificates(bytes, content, path).unwrap_err(),
    };
    let jks = [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2];
    let pkcs12 = [0x30, 0x82, 0x0A, 0x10, 2, 1, 3, 0x30, 0x82];
    let der = [0x30, 0x82, 0x03, 0x10, 0x30, 0x82];
    for (bytes, content, expected) in [
        (
            &jks[..],
            Content::Authorities,
            "store is a Java key store (JKS), not PEM: convert it with `keytool -list -rfc -keystore store > ca.pem`",
        ),
        (
            &jks,
            Content::Key,
            "store is a Java key store (JKS), not PEM: convert it with `keytool -importkeystore -srckeystore store -destkeystore store.p12 -deststoretype PKCS12`, then `openssl pkcs12 -in store.p12 -nocerts -out key.pem` and put the password chosen there into key_password_file",
        ),
        (
            &pkcs12,
            Content::Authorities,
            "store is a PKCS#12 file, not PEM: convert it with `openssl pkcs12 -in store -nokeys -out ca.pem`",
        ),
        (
            &pkcs12,
            Content::Chain,
            "store is a PKCS#12 file, not PEM: convert it with `openssl pkcs12 -in store -nokeys -out cert.pem`",
        ),
        (
            &der,
            Content::Chain,
            "store is DER, not PEM: convert it with `openssl x509 -inform der -in store -out cert.pem`",
        ),
        (
            &der,
            Content::Key,
            "store is DER, not PEM: convert it with `openssl pkey -inform der -in store -out key.pem`",
        ),
        (
            b"",
            Content::Key,
            "store has no private key in PEM, which begins with \"-----BEGIN \"",
        ),
        (
            b"\x30",
            Content::Key,
            "store has no private key in PEM, which begins with \"-----BEGIN \"",
        ),
        (
            RSA.as_bytes(),
            Content::Chain,
            "store has no certificate, only: RSA PRIVATE KEY",
        ),
    ] {
        assert_eq!(told(bytes, content), expected);
    }
    let certificate = Authority::new("authority").pem;
    assert_eq!(
        told(certificate.as_bytes(), Content::Key),
        "store has no private key, only: CERTIFICATE"
    );
}
