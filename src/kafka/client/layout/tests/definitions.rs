//! The layouts, generated from Kafka's own definitions of its messages.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;

use flate2::read::DeflateDecoder;
use serde_json::Value;

use super::*;

/// The library of Kafka's clients, which contains the definitions.
const JAR: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/.kafka/4.1.1/libs/kafka-clients-4.1.1.jar"
);
const TABLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/kafka/client/layout/table.rs"
);
const HEAD: &str = "\
//! The layouts of the responses, generated from the message definitions in kafka-clients 4.1.1.

use kafka_protocol::messages::ApiKey;

use super::shape::Shape::{Array, Bytes, Fixed, Struct, Text};
use super::shape::{Layout, field, tagged};

const LAST: i16 = i16::MAX;

pub(super) static LAYOUTS: &[Layout] = &[
";

/// The APIs whose requests are sent.
fn apis() -> impl Iterator<Item = ApiKey> {
    (0..i16::MAX)
        .filter_map(|number| ApiKey::try_from(number).ok())
        .filter(|key| our_versions(*key).is_some())
}

/// Where the brokers that tests start are missing, there is nothing to compare with.
#[test]
fn the_layouts_are_those_of_the_definitions() {
    let Ok(jar) = std::fs::read(JAR) else {
        return;
    };
    let mut generated = HEAD.to_owned();
    for key in apis() {
        let name = format!("{key:?}Response");
        let text = unpack(&jar, &format!("common/message/{name}.json"));
        let comment = |line: &&str| !line.trim_start().starts_with("//");
        let text: String = text.lines().filter(comment).collect();
        layout(&mut generated, key, &serde_json::from_str(&text).unwrap());
    }
    generated.push_str("];\n");
    if std::env::var_os("FARSHORE_RENEW").is_some() {
        std::fs::write(TABLE, &generated).unwrap();
    }
    assert!(
        std::fs::read_to_string(TABLE).unwrap() == generated,
        "src/kafka/client/layout/table.rs isn't what Kafka defines; renew it: \
         FARSHORE_RENEW=1 cargo test --locked --lib the_layouts_are && git diff src/kafka/client/layout"
    );
}

fn layout(out: &mut String, key: ApiKey, definition: &Value) {
    let spoken = our_versions(key).unwrap();
    let (first, last) = versions(&definition["validVersions"]);
    assert!(
        first <= spoken.min && spoken.max <= last,
        "{key:?} is defined in {first} to {last}"
    );
    let (flexible, _) = versions(&definition["flexibleVersions"]);
    let common = definition["commonStructs"].as_array();
    let common = common.into_iter().flatten();
    let common = common.map(|it| (it["name"].as_str().unwrap(), &it["fields"]));
    let mut writer = Writer {
        out,
        common: common.collect(),
    };
    let flexible = number(flexible);
    let _ = writeln!(
        writer.out,
        "    Layout {{ key: ApiKey::{key:?}, flexible: {flexible}, fields: &["
    );
    writer.fields(&definition["fields"], 2);
    writer.out.truncate(writer.out.trim_end().len());
    writer.out.push_str("] },\n");
}

struct Writer<'a> {
    out: &'a mut String,
    common: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Writer<'a> {
    fn fields(&mut self, fields: &'a Value, depth: usize) {
        for field in fields.as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let (first, last) = versions(&field["versions"]);
            let range = format!("{first}, {}", number(last));
            self.out.push_str(&"    ".repeat(depth));
            match field["tag"].as_u64() {
                Some(tag) => {
                    assert_eq!(field["versions"], field["taggedVersions"], "{name}");
                    let _ = write!(self.out, "tagged({tag}, {name:?}, {range}, ");
                }
                None => {
                    let _ = write!(self.out, "field({name:?}, {range}, ");
                }
            }
            self.shape(field["type"].as_str().unwrap(), field, depth);
            self.out.push_str("),\n");
        }
    }

    fn shape(&mut self, kind: &str, field: &'a Value, depth: usize) {
        let fixed = match kind {
            "bool" | "int8" => 1,
            "int16" | "uint16" => 2,
            "int32" | "uint32" => 4,
            "int64" | "float64" => 8,
            "uuid" => 16,
            "string" => return self.out.push_str("Text"),
            "bytes" | "records" => return self.out.push_str("Bytes"),
            _ => 0,
        };
        if fixed > 0 {
            let _ = write!(self.out, "Fixed({fixed})");
        } else if let Some(element) = kind.strip_prefix("[]") {
            self.out.push_str("Array(&");
            self.shape(element, field, depth);
            self.out.push(')');
        } else {
            let nullable = field.get("nullableVersions").is_some();
            let is_array = field["type"].as_str().unwrap().starts_with("[]");
            assert!(is_array || !nullable, "{kind} may be null");
            let own = field.get("fields");
            let fields = own.unwrap_or_else(|| self.common[kind]);
            self.out.push_str("Struct(&[\n");
            self.fields(fields, depth + 1);
            self.out.truncate(self.out.trim_end().len());
            self.out.push_str("])");
        }
    }
}

fn number(version: i16) -> String {
    if version == i16::MAX {
        "LAST".to_owned()
    } else {
        version.to_string()
    }
}

/// The first and the last version of a range in the definitions' notation.
fn versions(range: &Value) -> (i16, i16) {
    let range = range.as_str().unwrap();
    let parse = |text: &str| text.parse().unwrap();
    if range == "none" {
        (i16::MAX, i16::MAX)
    } else if let Some(first) = range.strip_suffix('+') {
        (parse(first), i16::MAX)
    } else if let Some((first, last)) = range.split_once('-') {
        (parse(first), parse(last))
    } else {
        (parse(range), parse(range))
    }
}

/// Returns a file of a ZIP archive, found by its entry in the central directory.
fn unpack(archive: &[u8], name: &str) -> String {
    let number = |at: usize, size: usize| {
        let bytes = archive[at..at + size].iter().rev();
        bytes.fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let end = archive
        .windows(4)
        .rposition(|it| it == b"PK\x05\x06")
        .unwrap();
    let (entries, mut at) = (number(end + 10, 2), number(end + 16, 4));
    for _ in 0..entries {
        let length = number(at + 28, 2);
        if &archive[at + 46..at + 46 + length] == name.as_bytes() {
            let (packed, local) = (number(at + 20, 4), number(at + 42, 4));
            let data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let mut text = String::new();
            let mut reader = DeflateDecoder::new(&archive[data..data + packed]);
            reader.read_to_string(&mut text).unwrap();
            return text;
        }
        at += 46 + length + number(at + 30, 2) + number(at + 32, 2);
    }
    panic!("{name} is missing");
}
