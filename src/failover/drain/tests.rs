use super::*;

#[test]
fn h15_drained_is_only_what_is_at_rest_in_every_respect() {
    let rest = Look {
        log: Some(10),
        after: Some(10),
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
            after: None,
            ..rest
        },
        Look {
            log: Some(9),
            ..rest
        },
        Look {
            after: Some(11),
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

/// The ends are read one after the other; while somebody writes, later ones are ahead of earlier ones.
#[test]
fn a_look_that_mixes_two_moments_tells_only_that_somebody_writes() {
    let look = Look {
        log: Some(834),
        after: Some(840),
        replicated: Some(834),
        stable: Some(835),
        open: Some(true),
        progress: Progress::UpTo(SourceOffset(830)),
    };
    assert_eq!(look.unrest().as_deref(), Some("is being written to"));
    let still = Look {
        after: Some(834),
        stable: Some(830),
        ..look
    };
    assert_eq!(
        still.unrest().as_deref(),
        Some("has an open transaction: its last stable offset is 830, its end 834")
    );
}
