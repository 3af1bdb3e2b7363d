use super::*;

const CONFIG: &str = r#"
[clusters.paris]
bootstrap_servers = ["p:9092"]

[clusters.oslo]
bootstrap_servers = ["o:9092"]
security_protocol = "SASL_PLAINTEXT"
sasl = { mechanism = "PLAIN", username = "mirror", password = "s" }

[links.paris-oslo]
source = "paris"
target = "oslo"
topics = ["orders", "eu\\..*"]
groups = ["a|b"]
"#;

fn config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farshore.toml");
    std::fs::write(&file, CONFIG).unwrap();
    crate::config::load(&file).unwrap_or_else(|errors| panic!("{errors}"))
}

fn principals(given: &[&str]) -> Principals {
    let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
    Principals::read(&given, &config()).unwrap()
}

#[test]
fn commands_name_the_principal_of_each_cluster_and_have_one_pattern_each() {
    let text = commands(&config(), &principals(&[]));
    let is_there = |line: &str| text.lines().any(|it| it == line);
    for line in [
        "# cluster paris, principal User:ANONYMOUS",
        "kafka-acls.sh --bootstrap-server p:9092 --add --allow-principal User:ANONYMOUS --operation Read --operation DescribeConfigs --topic orders",
        "kafka-acls.sh --bootstrap-server p:9092 --add --allow-principal User:ANONYMOUS --operation Read --operation DescribeConfigs --topic eu. --resource-pattern-type prefixed",
        "# note: wider than \"a|b\" in groups, which no pattern of an ACL describes; name what it stands for",
        "kafka-acls.sh --bootstrap-server p:9092 --add --allow-principal User:ANONYMOUS --operation Describe --group '*'",
        "# cluster oslo, principal User:mirror",
        "kafka-acls.sh --bootstrap-server o:9092 --add --allow-principal User:mirror --operation Alter --operation AlterConfigs --topic orders",
        "kafka-acls.sh --bootstrap-server o:9092 --add --allow-principal User:mirror --operation Read --operation Write --operation Create --topic __farshore.paris-oslo",
        "# kafka-acls.sh --bootstrap-server o:9092 --add --allow-principal User:mirror --operation Delete --topic orders",
    ] {
        assert!(is_there(line), "{line}\n{text}");
    }
    let other = commands(&config(), &principals(&["User:CN=far shore"]));
    assert!(!other.contains("User:mirror"), "{other}");
    assert!(other.contains("'User:CN=far shore'"), "{other}");
    let of_paris = commands(&config(), &principals(&["paris=User:CN=far shore"]));
    for (cluster, principal) in [("p", "'User:CN=far shore'"), ("o", "User:mirror")] {
        let server = format!("kafka-acls.sh --bootstrap-server {cluster}:9092 ");
        let allowed = format!("--allow-principal {principal} ");
        let mut lines = of_paris.lines().filter(|line| line.starts_with(&server));
        assert!(lines.all(|line| line.contains(&allowed)), "{of_paris}");
    }
}

#[test]
fn strimzi_gets_a_user_for_each_cluster() {
    let text = strimzi(&config(), &principals(&["mirror"]));
    let documents: Vec<&str> = text.split("---\n").skip(1).collect();
    let [oslo, paris] = documents[..] else {
        panic!("{text}");
    };
    let of_paris = "spec:\n  authorization:\n    type: simple\n    acls:\n      # paris-oslo: mirroring, verifying\n      - resource:\n          type: topic\n          name: \"orders\"\n          patternType: literal\n        operations: [Read, DescribeConfigs]\n      - resource:\n          type: topic\n          name: \"eu.\"\n          patternType: prefix\n        operations: [Read, DescribeConfigs]\n";
    assert!(paris.contains(of_paris), "{paris}");
    assert!(paris.contains(
        "      - resource:\n          type: cluster\n        operations: [DescribeConfigs]\n"
    ));
    assert!(oslo.contains("metadata:\n  name: mirror\n  labels:\n    strimzi.io/cluster: oslo"));
    assert!(
        oslo.contains("      # - resource:\n      #     type: topic\n"),
        "{oslo}"
    );
    assert_eq!(user("CN=mirror,O=x"), "mirror");
    assert_eq!(user("farshore@PARIS"), USER);
}
