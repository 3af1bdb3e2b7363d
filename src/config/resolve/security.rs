//! Resolves the security protocol of a cluster and farshore's login at its brokers.
//!
//! Promises: security settings that this version doesn't support are refused, never ignored or downgraded to plaintext.

use super::super::defaults;
use super::super::field::{At, Field};
use super::super::problem::{Place, Problems};
use super::super::raw::RawSasl;
use super::super::settings::LoginConfig;
use super::super::values::{self, not_one_of};
use crate::model::Secret;

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"];
const MECHANISMS: [&str; 5] = [
    "PLAIN",
    "GSSAPI",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "OAUTHBEARER",
];

/// Returns the login configured in a cluster's section; `None` without one, or if it is invalid, which is a problem.
pub(super) fn login(
    protocol: Field<String>,
    tls: Option<&Place>,
    sasl: Option<RawSasl>,
    section: &Place,
    problems: &Problems,
) -> Option<LoginConfig> {
    let logs_in = match protocol.parse(problems, logs_in) {
        Field::Bad => return None,
        Field::Absent => false,
        Field::Given(At { value, .. }) => value,
    };
    if let Some(place) = tls {
        let message = "not available in this version: connections are not encrypted";
        problems.add(place, message);
    }
    match (logs_in, sasl) {
        (true, Some(sasl)) => mechanism(sasl, problems),
        (true, None) => {
            problems.add(
                &section.missing("sasl"),
                "missing: SASL_PLAINTEXT requires a login",
            );
            None
        }
        (false, Some(sasl)) => {
            let message = "a login requires security_protocol = \"SASL_PLAINTEXT\"";
            problems.add(&sasl.place, message);
            None
        }
        (false, None) => None,
    }
}

/// Whether a protocol requires a login.
fn logs_in(protocol: &str) -> Result<bool, String> {
    match protocol {
        "PLAINTEXT" => Ok(false),
        "SASL_PLAINTEXT" => Ok(true),
        known if PROTOCOLS.contains(&known) => Err(format!(
            "{known} is not available in this version; PLAINTEXT and SASL_PLAINTEXT are"
        )),
        other => Err(not_one_of(other, PROTOCOLS.into_iter())),
    }
}

/// Reads the keys of a mechanism.
fn mechanism(sasl: RawSasl, problems: &Problems) -> Option<LoginConfig> {
    let place = sasl.place.clone();
    let named = sasl.mechanism.required("mechanism", &place, problems)?;
    match named.value.as_str() {
        "PLAIN" => {
            let foreign = [
                ("service_name", sasl.service_name),
                ("principal", sasl.principal),
            ];
            refuse(foreign, "PLAIN", problems);
            let username = sasl.username.required("username", &place, problems);
            let password = password(sasl.password, sasl.password_file, &place, problems);
            Some(LoginConfig::Password {
                username: username?.value,
                password: password?,
            })
        }
        "GSSAPI" => {
            let foreign = [
                ("username", sasl.username),
                ("password", sasl.password),
                ("password_file", sasl.password_file),
            ];
            refuse(foreign, "GSSAPI", problems);
            if cfg!(not(feature = "gssapi")) {
                let message = "this farshore was built without Kerberos: build it with \
                               --features gssapi";
                problems.add(&named.place, message);
            }
            let service = sasl.service_name.parse(problems, values::not_empty);
            let principal = sasl.principal.parse(problems, values::not_empty);
            Some(LoginConfig::Kerberos {
                service: service.or(defaults::KERBEROS_SERVICE.to_owned()),
                principal: principal.given().map(|principal| principal.value),
            })
        }
        other => {
            let message = if MECHANISMS.contains(&other) {
                format!("{other} is not available in this version; PLAIN and GSSAPI are")
            } else {
                not_one_of(other, MECHANISMS.into_iter())
            };
            problems.add(&named.place, message);
            None
        }
    }
}

/// Reports keys that a mechanism doesn't use.
fn refuse<const N: usize>(keys: [(&str, Field<String>); N], mechanism: &str, problems: &Problems) {
    for (key, field) in keys {
        if let Some(given) = field.given() {
            problems.add(&given.place, format!("{mechanism} has no {key}"));
        }
    }
}

/// The password, inline or from its own file.
fn password(
    password: Field<String>,
    file: Field<String>,
    section: &Place,
    problems: &Problems,
) -> Option<Secret> {
    match (password, file) {
        (Field::Given(_), Field::Given(file)) => {
            problems.add(&file.place, "password is given, too: one of them is enough");
            None
        }
        (Field::Absent, Field::Absent) => {
            let message = "missing, as is password_file: one of them is needed";
            problems.add(&section.missing("password"), message);
            None
        }
        (Field::Absent, file) => {
            let read = file.parse(problems, |path| {
                std::fs::read_to_string(path)
                    .map_err(|cause| format!("{path} can't be read: {cause}"))
            });
            let text = read.given()?.value;
            Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
        (password, _) => Some(Secret::new(password.given()?.value)),
    }
}
