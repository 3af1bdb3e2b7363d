use super::*;

#[test]
fn a_configuration_that_cannot_be_used_is_reported_for_programs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bad.toml");
    std::fs::write(&path, "[clusters]\n[link]\n").unwrap();
    let errors = crate::config::load(&path).unwrap_err();
    let mut out = Vec::new();
    let code = super::super::refused(&errors, &mut out).unwrap();
    assert_eq!(code, crate::cli::ExitCode::Usage);
    let report: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(report["problems"], 3, "{report}");
    let finding = &report["findings"][2];
    assert_eq!(finding["severity"], "problem");
    assert_eq!(
        (&finding["line"], &finding["column"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(finding["key"], "link");
    let what = r#"2:2: link: unknown key; did you mean "links"?"#;
    assert_eq!(finding["what"], what);
}
