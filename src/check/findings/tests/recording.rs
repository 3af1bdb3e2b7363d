use crate::check::facts::RecordFacts;

use super::*;

#[test]
fn the_record_path_says_what_it_costs_and_what_to_grant() {
    let mut facts = healthy();
    let with = |refused: Option<Error>| {
        Some(RecordFacts {
            prefix: "farshore.paris-oslo.46a5.".to_owned(),
            refused,
        })
    };
    found(&mut facts).record = with(None);
    let told = findings(&facts);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].severity, Severity::Advice);
    assert!(told[0].what.contains("read_committed"), "{}", told[0].what);

    // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    let refused = Error::new(Kind::Broker(BrokerCode(53)), "transactions can't be begun");
    found(&mut facts).record = with(Some(refused));
    let told = findings(&facts);
    assert_eq!(told[0].severity, Severity::Problem);
    let wanted = "--transactional-id farshore.paris-oslo.46a5. --resource-pattern-type prefixed";
    assert!(told[0].fix.ends_with(wanted), "{}", told[0].fix);
}
