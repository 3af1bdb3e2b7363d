use super::*;

#[test]
fn replaces_variables_once_and_leaves_other_dollars() {
    let environment = |name: &str| match name {
        "HOST" => Some("kafka.example".to_owned()),
        "NESTED" => Some("${HOST}".to_owned()),
        _ => None,
    };
    let substituted = |text| substitute(text, &environment).map(|it| it.text);
    assert_eq!(substituted("${HOST}:9092").unwrap(), "kafka.example:9092");
    assert_eq!(
        substituted("a${NESTED}${HOST}b").unwrap(),
        "a${HOST}kafka.exampleb"
    );
    assert_eq!(substituted("orders$|a$b").unwrap(), "orders$|a$b");
    assert_eq!(
        substituted("${NONE}").unwrap_err(),
        "environment variable NONE is not set"
    );
    assert!(substituted("${HOST").unwrap_err().contains("closing brace"));
}
