use crate::kafka::client::tls::testing::{Authority, Files, VALID};

use super::*;

fn problems(settings: &TlsSettings) -> Vec<(TlsFile, String)> {
    let found = settings.problems().into_iter();
    found.map(|it| (it.file, it.message)).collect()
}

#[test]
fn good_files_have_no_problems() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    files.identify(&authority.issue(&["farshore"], VALID));
    assert_eq!(problems(&files.settings()), []);
    assert_eq!(problems(&files.with_identity()), []);
}

#[test]
fn every_file_has_its_own_problem() {
    let files = Files::trusting(&Authority::new("authority"));
    files.write("cert.pem", "nothing");
    let mut settings = files.with_identity();
    settings.identity.as_mut().unwrap().key_password_file = Some(files.path("password"));
    let root = files.root().display().to_string();
    let missing = "can't be read: No such file or directory (os error 2)";
    assert_eq!(
        problems(&settings),
        [
            (TlsFile::Key, format!("{root}/key.pem {missing}")),
            (TlsFile::KeyPassword, format!("{root}/password {missing}")),
        ]
    );
    files.write("ca.pem", "");
    files.write("key.pem", "nothing");
    files.write("password", "\n");
    let found: Vec<TlsFile> = problems(&settings).into_iter().map(|it| it.0).collect();
    assert_eq!(
        found,
        [
            TlsFile::Authorities,
            TlsFile::Certificate,
            TlsFile::KeyPassword
        ]
    );
    settings.ca_file = Some("/dev/zero".into());
    let found = problems(&settings);
    assert_eq!(
        found,
        [(
            TlsFile::Authorities,
            "/dev/zero can't be read: it isn't a file".to_owned()
        )]
    );
}

#[test]
fn key_and_certificate_belong_together() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let [one, other] = [(), ()].map(|()| authority.issue(&["farshore"], VALID));
    files.write("cert.pem", one.chain);
    files.write("key.pem", other.key);
    let root = files.root().display();
    let expected = format!(
        "{root}/key.pem isn't the key of the certificate in {root}/cert.pem; that has to be the first one there"
    );
    assert_eq!(problems(&files.with_identity()), [(TlsFile::Key, expected)]);
}

#[test]
fn any_change_of_a_file_is_noticed() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    files.identify(&authority.issue(&["farshore"], VALID));
    let mut settings = files.with_identity();
    settings.identity.as_mut().unwrap().key_password_file = Some(files.write("password", "a"));
    let digest = || Contents::read(&settings).ok().unwrap().digest();
    let mut before = digest();
    assert_eq!(digest(), before);
    for name in ["ca.pem", "cert.pem", "key.pem", "password"] {
        files.write(name, "changed");
        let now = digest();
        assert_ne!(now, before, "{name}");
        before = now;
    }
}
