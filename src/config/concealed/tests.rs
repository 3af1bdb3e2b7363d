use super::*;

fn concealed(message: &str, variables: &[(&str, &str)]) -> String {
    let mut concealed = Concealed::default();
    for (name, value) in variables {
        concealed.add(Expanded {
            written: format!("a${{{name}}}b"),
            text: format!("a{value}b"),
            values: vec![((*name).to_owned(), (*value).to_owned())],
        });
    }
    concealed.apply(message)
}

#[test]
fn values_are_replaced_by_the_names_of_their_variables() {
    let one = [("PASS", "secret")];
    for (message, shown) in [
        ("found \"asecretb\"", "found \"a${PASS}b\""),
        ("xsecrety is secret", "x${PASS}y is ${PASS}"),
        ("nothing", "nothing"),
    ] {
        assert_eq!(concealed(message, &one), shown);
    }
    let nested = [("IN", "secret"), ("OUT", "a secret place")];
    assert_eq!(concealed("a secret place", &nested), "${OUT}");
    assert_eq!(concealed("secret place", &nested), "${IN} place");
    let odd = [("ODD", "a\"b\nc")];
    assert_eq!(concealed("found \"a\\\"b\\nc\"", &odd), "found \"${ODD}\"");
    let short = [("S", "is"), ("E", "")];
    assert_eq!(concealed("this is missing", &short), "this ${S} missing");
}
