use super::*;

/// A group's id may hold any characters, and is part of log lines, rows of tables and messages.
#[test]
fn a_name_is_shown_in_one_line_without_control_characters() {
    for (name, shown) in [
        ("billing", "billing"),
        ("a\nb", r"a\nb"),
        ("a\r\n\tb\0", r"a\r\n\tb\u{0}"),
        ("\u{1b}[2Jred", r"\u{1b}[2Jred"),
        (
            "next\u{85}line\u{2028}and\u{2029}",
            r"next\u{85}line\u{2028}and\u{2029}",
        ),
        ("\u{202e}gnillib", r"\u{202e}gnillib"),
        (r"C:\new", r"C:\new"),
        ("größe \u{1f4a5} \"x\"", "größe \u{1f4a5} \"x\""),
        ("", ""),
    ] {
        let group = GroupId::new(name);
        assert_eq!(group.to_string(), shown);
        assert_eq!(format!("{group:?}"), shown);
        assert_eq!(group.as_str(), name, "nothing else is changed");
        let json = serde_json::to_string(&group).unwrap();
        assert_eq!(serde_json::from_str::<GroupId>(&json).unwrap(), group);
        assert!(!json.contains('\n'), "{json}");
    }
}
