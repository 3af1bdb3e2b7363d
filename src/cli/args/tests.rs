use super::*;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_is_consistent() {
    <Args as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn common_options_stand_before_or_after_the_verb() {
    for line in [
        "farshore --config a.toml --output json status --watch",
        "farshore status --watch -o json --config a.toml",
    ] {
        let args = parse(line).unwrap();
        assert_eq!(args.common.config, PathBuf::from("a.toml"));
        assert_eq!(args.common.output, Output::Json);
        let Verb::Ask(ServiceVerb::Status(status)) = args.verb else {
            panic!("{line} is status");
        };
        assert!(status.watch);
    }
    let args = parse("farshore run").unwrap();
    assert_eq!(args.common.config, PathBuf::from("farshore.toml"));
    assert_eq!(args.common.output, Output::Table);
}

#[test]
fn every_verb_is_known_and_wrong_usage_exits_with_2() {
    for line in [
        "farshore check",
        "farshore translate --link l --topic t --partition 0 --offset 5 --reverse",
        "farshore explain --link l orders",
        "farshore groups --link l --url http://h:1",
        "farshore plan switchover --link l --groups a.* --groups b",
        "farshore plan failover --link l --groups-exclude a --wide",
        "farshore plan failover --link l --allow-loss records=5,ms=1000",
        "farshore plan failover --link l --allow-loss ms=0",
        "farshore groups --link l --return a.*",
        "farshore operations",
        "farshore operations --link l",
        "farshore operations o-1",
        "farshore cancel o-1",
        "farshore apply p-1 --hash abc",
        "farshore store export --link l --from-journal",
        "farshore store import lines.json --config a.toml",
        "farshore store rebuild",
        "farshore store check --output json",
        "farshore resolve --link l --topic t --with follow",
        "farshore pause --link l",
        "farshore resume --link l --topics a.* --topics b",
        "farshore verify --link l --topics a.* --topics b",
        "farshore verifications --link l",
        "farshore verifications --cancel a1",
        "farshore resolve --link l --topic t --partition 3 --with skip_with_receipt --dry-run",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    for line in [
        "farshore",
        "farshore fly",
        "farshore groups",
        "farshore explain --link l",
        "farshore explain orders",
        "farshore translate --link l --topic t --partition 0 --offset -5",
        "farshore plan both --link l",
        "farshore apply p-1",
        "farshore cancel",
        "farshore plan failover --link l --allow-loss",
        "farshore plan failover --link l --allow-loss 5",
        "farshore plan failover --link l --allow-loss records=-1",
        "farshore plan failover --link l --allow-loss ms=1,ms=2",
        "farshore operations o-1 --link l",
        "farshore store",
        "farshore pause",
        "farshore resolve --link l --topic t",
        "farshore resolve --link l --topic t --with halt",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}
