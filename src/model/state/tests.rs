use super::*;
use crate::model::Policy;

/// The operators' manual.
const PAGE: &str = include_str!("../../../docs/operations.md");

/// The rows of the table below the header `head`.
fn rows(head: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(head).expect(head);
    let rows = table.lines().skip(2);
    rows.take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_operators_page_has_every_state_and_every_reason_with_its_remedy() {
    let states = rows("| state | meaning | what to do |");
    assert_eq!(states.len(), PartitionState::ALL.len());
    for (row, state) in states.iter().zip(PartitionState::ALL) {
        assert!(row.starts_with(&format!("| `{state}` | ")), "{row}");
    }
    let codes = HaltCode::ALL.map(|code| {
        let (state, remedy) = (code.state(), code.remedy());
        format!("| `{code}` | {state} | {remedy} |")
    });
    assert_eq!(rows("| code | state | remedy |"), codes);
}

#[test]
fn remedies_name_only_policies_that_fit() {
    for code in HaltCode::ALL {
        let cases = [
            (code.remedy(), code.releases()),
            (code.remedy_in_place(), code.releases_in_place()),
        ];
        for (remedy, fits) in cases {
            for named in remedy.split("--with ").skip(1) {
                let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
                let named = Policy::of(named.split(word).next().unwrap());
                assert!(
                    named.is_some_and(|it| fits.contains(&it)),
                    "{code}: {remedy}"
                );
            }
        }
    }
}
