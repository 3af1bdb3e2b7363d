use serde_json::json;

use super::*;

#[test]
fn what_a_terminal_would_obey_is_escaped_and_means_the_same() {
    let answer = json!({ "group": "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\nb", "größe": [1, 2] });
    let mut out = Vec::new();
    write_json(&mut out, &answer).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        !text.contains(|it: char| it != '\n' && OneLine::is_obeyed(it)),
        "{text}"
    );
    assert!(text.contains("größe") && text.ends_with("}\n"), "{text}");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        answer
    );
}
