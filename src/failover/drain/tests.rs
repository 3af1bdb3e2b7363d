use super::*;

#[test]
fn h15_drained_is_only_what_is_at_rest_in_every_respect() {
    let rest = Look {
        log: Some(10),
        replicated: Some(10),
        stable: Some(10),
        open: Some(false),
        progress: Progress::UpTo(SourceOffset(10)),
    };
    assert_eq!(rest.unrest(), None);
    assert_eq!(Look { open: None, ..rest }.unrest(), None);
    let unrest = [
        Look { log: None, ..rest },
        Look {
            log: Some(11),
            ..rest
        },
        Look {
            replicated: Some(9),
            ..rest
        },
        Look {
            stable: Some(9),
            ..rest
        },
        Look {
            open: Some(true),
            ..rest
        },
        Look {
            progress: Progress::UpTo(SourceOffset(9)),
            ..rest
        },
        Look {
            progress: Progress::Preparing,
            ..rest
        },
        Look {
            progress: Progress::NoMirror,
            ..rest
        },
    ];
    for look in unrest {
        assert!(look.unrest().is_some(), "{look:?}");
    }
}
