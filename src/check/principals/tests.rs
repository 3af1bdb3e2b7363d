use super::*;

const CONFIG: &str = r#"
[clusters.paris]
bootstrap_servers = ["p:9092"]

[clusters.oslo]
bootstrap_servers = ["o:9092"]

[clusters.CN]
bootstrap_servers = ["c:9092"]

[links.paris-oslo]
source = "paris"
target = "oslo"
topics = ["orders"]
"#;

fn read(given: &[&str]) -> Result<[Option<String>; 3], String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farshore.toml");
    std::fs::write(&file, CONFIG).unwrap();
    let config = crate::config::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
    let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
    let read = Principals::read(&given, &config)?;
    let of = |name| read.of(&ClusterName::new(name)).map(str::to_owned);
    Ok(["paris", "oslo", "CN"].map(of))
}

#[test]
fn a_principal_is_for_one_cluster_or_for_all_others() {
    let told = |principals: [Option<&str>; 3]| Ok(principals.map(|it| it.map(str::to_owned)));
    for (given, principals) in [
        (&[][..], [None, None, None]),
        (&["farshore"], [Some("farshore"); 3]),
        (&["User:farshore"], [Some("farshore"); 3]),
        (
            &["paris=User:CN=farshore,O=x"],
            [Some("CN=farshore,O=x"), None, None],
        ),
        (
            &["User:b", "oslo=a", "paris=User:c"],
            [Some("c"), Some("a"), Some("b")],
        ),
        // A cluster's name can be that of an attribute.
        (&["User:CN=farshore"], [Some("CN=farshore"); 3]),
        (&["CN=farshore"], [None, None, Some("farshore")]),
        (&["paris=CN=a"], [Some("CN=a"), None, None]),
        (&["User:paris=a"], [Some("paris=a"); 3]),
    ] {
        assert_eq!(read(given), told(principals), "{given:?}");
    }
}

#[test]
fn what_names_no_cluster_or_principal_is_refused() {
    for (given, why) in [
        (
            &["pairs=User:a"][..],
            "--principal pairs=User:a: no cluster \"pairs\" is configured; did you mean \"paris\"? (a principal with \"=\" begins with \"User:\")",
        ),
        (
            &["O=a,CN=b"],
            "--principal O=a,CN=b: no cluster \"O\" is configured; did you mean \"CN\"? (a principal with \"=\" begins with \"User:\")",
        ),
        (
            &["berlin=a"],
            "--principal berlin=a: no cluster \"berlin\" is configured; expected one of \"CN\", \"oslo\", \"paris\" (a principal with \"=\" begins with \"User:\")",
        ),
        (&["paris="], "--principal paris=: the principal is missing"),
        (&["User:"], "--principal User:: the principal is missing"),
        (&[""], "--principal : the principal is missing"),
        (
            &["a", "User:b"],
            "--principal User:b: a principal for all clusters is given before",
        ),
        (
            &["paris=a", "b", "paris=a"],
            "--principal paris=a: a principal for cluster paris is given before",
        ),
    ] {
        assert_eq!(read(given), Err(why.to_owned()), "{given:?}");
    }
}
